import {
  from,
  Observable,
  type ObservableInput,
  type ObservedValueOf,
  type OperatorFunction,
  type Subscriber,
  type Unsubscribable,
} from 'rxjs';
import { aFunction, checkOption, checkOptions, either, oneOf, whole } from '../check.js';
import { isDeliveryLost, nextDelivery, retainCurrent, retainCurrentFor } from '../flow/delivery.js';
import { Fifo } from '../flow/pull/fifo.js';
import { trackRedelivery, redeliver } from '../flow/redeliver.js';
import { subscriberOf } from '../flow/subscriber.js';
import { SourceTracker } from '../flow/source-tracker.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';

/** Options of {@link consume}. */
export interface ConsumeOptions {
  /** Maximum number of items in progress, 1 or more; also limited by the window of the stream. Default 1. */
  readonly concurrency?: number;
  /**
   * What to do with the items that have arrived when the source fails. `finish`: process all of them, and emit the
   * error after the last, like `bufferBounded`, `chunk` and a `for await` loop. `abandon`: emit the error immediately,
   * unsubscribe the work in progress and drop the waiting items, like `mergeMap` and `concatMap`. Default `finish`.
   */
  readonly onSourceError?: 'finish' | 'abandon';
}

const projectRule = aFunction('returns the work for an item, as an Observable or a Promise');

const consumeRules = { concurrency: either(whole(1), oneOf(Infinity)), onSourceError: oneOf('finish', 'abandon') };

const remedy =
  'consume() stands behind an asynchronous operator, such as delay, observeOn or concatMap: the credit of an item returns before consume sees it. Put consume() before it.';

/**
 * Processes each item with an inner Observable. The item's credit returns to the sender when the inner Observable has
 * ended and, if its results go into another stream or another `consume`, when these have finished with them.
 *
 * It works behind every synchronous operator, such as `map`, `filter`, `scan`, `share`, `retry`. Behind an asynchronous
 * one it still processes every item, but applies no backpressure; this is reported once, as `backpressure-lost` in
 * `events$`. Items that do not come from a stream are processed in the same way.
 *
 * Order: results are emitted as the inner Observables emit them; with `concurrency: 1`, in the order of the items.
 *
 * Errors: an error of the source is emitted after the items that arrived before it, or immediately, depending on
 * `onSourceError`. An error thrown by `project`, or of an inner Observable, is emitted immediately and ends all work.
 *
 * @throws ConfigurationError for an unknown or invalid option, and for a `project` that is no function.
 */
export function consume<T, R extends ObservableInput<unknown>>(
  project: (value: T, index: number) => R,
  options: ConsumeOptions = {},
): OperatorFunction<T, ObservedValueOf<R>> {
  checkOption('consume: project', project, projectRule);
  checkOptions(options, consumeRules, { of: 'consume' });
  const { concurrency = 1, onSourceError = 'finish' } = options;
  return (source) =>
    new Observable((subscriber) => {
      new Consumption(project, concurrency, onSourceError === 'abandon', subscriber).start(source);
    });
}

interface Waiting<T> {
  readonly value: T;
  readonly release: (() => void) | undefined;
}

/**
 * One subscription of {@link consume}.
 *
 *     an item:      waiting ──fewer than `concurrency` in progress──▶ in progress ──inner ended, results released──▶ credit returns
 *     the source:   open ──completes, fails──▶ ended ──no item waiting or in progress──▶ complete, error
 */
class Consumption<T, R extends ObservableInput<unknown>> {
  readonly #project: (value: T, index: number) => R;
  readonly #concurrency: number;
  readonly #abandons: boolean;
  readonly #subscriber: Subscriber<ObservedValueOf<R>>;
  readonly #waiting = new Fifo<Waiting<T>>();
  readonly #tracker = new SourceTracker(true);
  // Identifies the origin of the results for downstream operators.
  readonly #origin = {};
  #inWork = 0;
  #index = 0;
  #starting = false;
  #lossReported = false;
  #sourceEnd: { readonly failed: boolean; readonly error?: unknown } | undefined = undefined;

  constructor(
    project: (value: T, index: number) => R,
    concurrency: number,
    abandons: boolean,
    subscriber: Subscriber<ObservedValueOf<R>>,
  ) {
    this.#project = project;
    this.#concurrency = concurrency;
    this.#abandons = abandons;
    this.#subscriber = subscriber;
  }

  start(source: Observable<T>): void {
    this.#subscriber.add(() => {
      for (const { release } of this.#waiting.clear()) release?.();
      this.#tracker.unsubscribe();
    });
    trackRedelivery(this.#origin, this.#tracker);
    this.#tracker.subscribe(source, {
      next: (value) => {
        this.#accept(value);
      },
      error: (error: unknown) => {
        this.#endSource({ failed: true, error });
      },
      complete: () => {
        this.#endSource({ failed: false });
      },
    });
  }

  #accept(value: T): void {
    const release = retainCurrent();
    this.#tracker.cameOut(value);
    if (!this.#lossReported && this.#tracker.streams.length > 0 && isDeliveryLost()) this.#reportLoss();
    this.#waiting.push({ value, release });
    this.#tracker.except(this.#startWork);
  }

  #endSource(end: { readonly failed: boolean; readonly error?: unknown }): void {
    if (end.failed && this.#abandons) {
      this.#subscriber.error(end.error);
      return;
    }
    this.#sourceEnd = end;
    this.#startWork();
  }

  readonly #startWork = (): void => {
    // An inner Observable that ends synchronously must not recurse once per waiting item.
    if (this.#starting) return;
    this.#starting = true;
    try {
      while (this.#inWork < this.#concurrency && !this.#subscriber.closed) {
        const item = this.#waiting.shift();
        if (item === undefined) break;
        this.#work(item);
      }
    } finally {
      this.#starting = false;
    }
    // If nothing is in progress, nothing is waiting: the loop above would have started it.
    if (this.#sourceEnd === undefined || this.#inWork > 0) return;
    if (this.#sourceEnd.failed) this.#subscriber.error(this.#sourceEnd.error);
    else this.#subscriber.complete();
  };

  #work({ value, release }: Waiting<T>): void {
    let inner: Observable<ObservedValueOf<R>>;
    this.#inWork++;
    try {
      inner = from(this.#project(value, this.#index++));
    } catch (error) {
      release?.();
      this.#subscriber.error(error);
      return;
    }
    // Counts the work itself and each result that is retained.
    let holders = 1;
    const delivery = release === undefined ? 0 : nextDelivery();
    const releaseHolder = (): void => {
      if (--holders === 0) release?.();
    };
    const results = subscriberOf<ObservedValueOf<R>>({
      next: (result) => {
        // If the inner Observable is a stream, its own window bounds the results.
        const releaseResult = retainCurrentFor(results);
        if (release === undefined && releaseResult === undefined) {
          this.#subscriber.next(result);
          return;
        }
        holders++;
        if (releaseResult === undefined) redeliver(this.#origin, this.#subscriber, result, releaseHolder, delivery);
        else {
          redeliver(this.#origin, this.#subscriber, result, () => {
            releaseHolder();
            releaseResult();
          });
        }
      },
      error: (error: unknown) => {
        guarded(reportUnhandled, unsubscribe, results);
        this.#subscriber.error(error);
      },
      complete: () => {
        this.#inWork--;
        this.#subscriber.remove(results);
        guarded(reportUnhandled, unsubscribe, results);
        this.#startWork();
      },
    });
    results.add(releaseHolder);
    this.#subscriber.add(results);
    try {
      inner.subscribe(results);
    } catch (error) {
      // A finalizer that is added after the end runs, and throws, here. It must not keep the next item from its turn.
      if (results.closed) reportUnhandled(error);
      else results.error(error);
    }
  }

  #reportLoss(): void {
    this.#lossReported = true;
    for (const { route, report } of this.#tracker.streams) report({ type: 'backpressure-lost', route, remedy });
  }
}

// Created once, for guarded(). The finalizers of an inner Observable are the user's.
function unsubscribe(subscription: Unsubscribable): void {
  subscription.unsubscribe();
}
