import { from, Observable, type ObservableInput, type ObservedValueOf, type OperatorFunction } from 'rxjs';
import { isLost, nextDelivery, retainCurrent, retainFrom } from '../flow/delivery.js';
import { noteRedelivery, redeliver } from '../flow/redeliver.js';
import { subscriberOf } from '../flow/subscriber.js';
import { SubscriptionNotes } from '../flow/subscription-notes.js';

/** Options of {@link consume}. */
export interface ConsumeOptions {
  /** Items in work at once, 1 or more. The window of the stream bounds it too. Default 1. */
  readonly concurrency?: number;
}

const remedy =
  'consume() stands behind an asynchronous operator, such as delay, observeOn or concatMap: the credit of an item returns before consume sees it. Put consume() before it.';

/**
 * Works on each item, and is done with it when the inner Observable ends: only then its credit returns to the sender.
 * Where the results go on into another stream, or to another `consume`, it returns when those are done with them too.
 * Works behind every operator that passes items on synchronously, such as `map`, `filter`, `scan`, `share`, `retry`.
 * Behind an asynchronous one it still works on every item, but the sender is not held back; that is reported once, as
 * `backpressure-lost` in `events$`. Items from elsewhere than a stream are worked on all the same.
 *
 * Order: results come as the inner Observables give them; with `concurrency: 1`, in the order of the items.
 */
export function consume<T, R extends ObservableInput<unknown>>(
  project: (value: T, index: number) => R,
  { concurrency = 1 }: ConsumeOptions = {},
): OperatorFunction<T, ObservedValueOf<R>> {
  if (!(concurrency >= 1))
    throw new RangeError(`consume: concurrency must be 1 or more; it is ${String(concurrency)}.`);
  return (source) =>
    new Observable((subscriber) => {
      const waiting: { readonly value: T; readonly release: (() => void) | undefined }[] = [];
      // Taking from the front of a long array copies it: what was taken stays a while.
      let taken = 0;
      const notes = new SubscriptionNotes(true);
      // What the results come from, for those behind.
      const origin = {};
      let reported = false;
      let active = 0;
      let index = 0;
      let completed = false;
      let starting = false;

      const start = (): void => {
        // An inner Observable that ends at once must not recurse for each waiting item.
        if (starting) return;
        starting = true;
        while (active < concurrency && taken < waiting.length && !subscriber.closed) run(waiting[taken++]!);
        starting = false;
        if (taken === waiting.length) waiting.length = taken = 0;
        else if (taken > 1_024) {
          waiting.splice(0, taken);
          taken = 0;
        }
        // Where nothing is in work, nothing waits: the loop above would have taken it.
        if (completed && active === 0) subscriber.complete();
      };
      const run = ({ value, release }: (typeof waiting)[number]): void => {
        let inner: Observable<ObservedValueOf<R>>;
        active++;
        try {
          inner = from(project(value, index++));
        } catch (error) {
          release?.();
          subscriber.error(error);
          return;
        }
        // The work, and each result that somebody retains.
        let holders = 1;
        const delivery = release === undefined ? 0 : nextDelivery();
        const settle = (): void => {
          if (--holders === 0) release?.();
        };
        const results = subscriberOf<ObservedValueOf<R>>({
          next: (result) => {
            // Where the work is a stream itself, its window bounds the results.
            const releaseResult = retainFrom(results);
            if (release === undefined && releaseResult === undefined) {
              subscriber.next(result);
              return;
            }
            holders++;
            if (releaseResult === undefined) redeliver(origin, subscriber, result, settle, delivery);
            else {
              redeliver(origin, subscriber, result, () => {
                settle();
                releaseResult();
              });
            }
          },
          error: (error: unknown) => {
            results.unsubscribe();
            subscriber.error(error);
          },
          complete: () => {
            active--;
            subscriber.remove(results);
            results.unsubscribe();
            start();
          },
        });
        results.add(settle);
        subscriber.add(results);
        inner.subscribe(results);
      };

      subscriber.add(() => {
        for (const { release } of waiting.splice(taken)) release?.();
        notes.unsubscribe();
      });
      noteRedelivery(origin, notes);
      notes.subscribe(source, {
        next: (value) => {
          const release = retainCurrent();
          if (!reported && notes.streams.length > 0 && isLost()) {
            reported = true;
            for (const { route, report } of notes.streams) report({ type: 'backpressure-lost', route, remedy });
          }
          waiting.push({ value, release });
          notes.except(start);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          completed = true;
          start();
        },
      });
    });
}
