/**
 * Pullable Observables: their items can be taken one by one, when a consumer is ready for one.
 *
 *     source ──next──▶ accept ──▶ queue ──take──▶ a sender with credit, or a reader
 *                         └─ policy of the operator: refuse, drop, fold, apply backpressure
 *
 * An Observable pushes, so an operator that buffers cannot know when its consumer is ready. A sender with credit, or a
 * reader, therefore looks for {@link makePull} on the Observable and, if it exists, pulls instead of subscribing. The
 * key belongs to one Observable: an operator such as `map` or `takeUntil` creates another Observable without it, whose
 * subscriber is served in this way: it gets one item at a time, each as a delivery, and the next item once that
 * delivery is no longer retained. So where the subscriber retains its deliveries (`consume`, or a sender with credit),
 * items wait in this queue; where it retains none, it gets every item at once.
 */

import { Observable, type Subscriber } from 'rxjs';
import { Fifo } from './fifo.js';
import type { OnThrown } from '../../guard.js';
import { trackRedelivery, redeliver } from '../redeliver.js';
import { GuardedSubscriber } from '../subscriber.js';
import { reportUnhandled } from '../unhandled.js';

/** An item that was taken. */
export interface Taken<T> {
  readonly value: T;
  /** Returns the credit of the item, where it has one. */
  readonly release: (() => void) | undefined;
}

/** How a source ended. */
export interface PullEnd {
  readonly failed: boolean;
  readonly error?: unknown;
}

/** The items of one subscription, to be taken one by one. */
export interface Pull<T> {
  /**
   * Subscribes. `onReady` is called whenever there may be an item to take, or the end, possibly within this call.
   * `onThrown` takes errors thrown by the source's finalizers; by default they are reported as unhandled.
   */
  open(onReady: () => void, onThrown?: OnThrown): void;
  /** Takes the next item; undefined where none is queued. */
  take(): Taken<T> | undefined;
  /** Set once the source has ended and every item has been taken. */
  readonly end: PullEnd | undefined;
  /** Set while the source has failed and items before the failure are queued. */
  readonly pendingFailure?: PullEnd | undefined;
  /** Unsubscribes, and drops the queued items. Further calls do nothing. */
  stop(): void;
}

/** Key of the method that creates a {@link Pull}. Registered, so that two copies of the library recognize it. */
export const makePull: unique symbol = Symbol.for('rxgrid.makePull');

/** Provides a {@link Pull} for each subscription. */
export interface Pullable<T> {
  [makePull](): Pull<T>;
}

/** An Observable whose items a sender with credit, or a reader, can take one by one. */
export class PullableObservable<T> extends Observable<T> implements Pullable<T> {
  readonly #makePull: () => Pull<T>;

  /** `pull` creates the {@link Pull} of one subscription. */
  constructor(pull: () => Pull<T>) {
    super((subscriber: Subscriber<T>) => {
      trackRedelivery(this);
      new PullDelivery(pull(), subscriber, this).start();
    });
    this.#makePull = pull;
  }

  [makePull](): Pull<T> {
    return this.#makePull();
  }
}

/** Delivers the items of a {@link Pull} to a subscriber: the next item when the one before is no longer retained. */
class PullDelivery<T> {
  readonly #pull: Pull<T>;
  readonly #subscriber: Subscriber<T>;
  readonly #origin: object;
  #delivering = false;
  #retained = false;

  constructor(pull: Pull<T>, subscriber: Subscriber<T>, origin: object) {
    this.#pull = pull;
    this.#subscriber = subscriber;
    this.#origin = origin;
  }

  start(): void {
    this.#subscriber.add(() => {
      this.#pull.stop();
    });
    this.#pull.open(this.#deliver);
  }

  readonly #deliver = (): void => {
    // A release within `next` must not recurse once per item.
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (!this.#retained && !this.#subscriber.closed && this.#deliverOne());
    } finally {
      // Even where the subscriber throws, so that the next item is delivered.
      this.#delivering = false;
    }
    const { end } = this.#pull;
    if (end === undefined) return;
    if (end.failed) this.#subscriber.error(end.error);
    else this.#subscriber.complete();
  };

  #deliverOne(): boolean {
    const taken = this.#pull.take();
    if (taken === undefined) return false;
    this.#retained = true;
    redeliver(this.#origin, this.#subscriber, taken.value, () => {
      this.#retained = false;
      taken.release?.();
      this.#deliver();
    });
    return true;
  }
}

/** True for an Observable that can be pulled. */
export function isPullable<T>(source: Observable<T>): source is Observable<T> & Pullable<T> {
  return makePull in source;
}

/**
 * A {@link Pull} with a queue. Its subclass decides how an item enters the queue.
 *
 *     new ──open──▶ open ──error | complete──▶ draining ──last item taken──▶ ended        any ──stop──▶ stopped
 */
export abstract class QueuePull<T, W extends Taken<T> = Taken<T>> implements Pull<T> {
  /** The queued items. */
  protected readonly waiting = new Fifo<W>();

  readonly #source: Observable<T>;
  #onReady: () => void = nothing;
  #onThrown: OnThrown = reportUnhandled;
  #end: PullEnd | undefined = undefined;
  #stopped = false;
  #accepting = false;
  // Items that user code makes the source emit while another one is being accepted.
  readonly #arriving: T[] = [];
  readonly #subscriber: Subscriber<T>;

  constructor(source: Observable<T>) {
    this.#source = source;
    this.#subscriber = new GuardedSubscriber<T>(
      {
        next: (item) => {
          this.#next(item);
        },
        error: (error: unknown) => {
          this.#finish({ failed: true, error });
        },
        complete: () => {
          this.#finish({ failed: false });
        },
      },
      (error) => {
        this.#onThrown(error);
      },
    );
  }

  /** Adds an item to the queue, or drops it. An error thrown here fails the pull at once. */
  protected abstract accept(item: T): void;

  open(onReady: () => void, onThrown: OnThrown = reportUnhandled): void {
    this.#onReady = onReady;
    this.#onThrown = onThrown;
    this.#source.subscribe(this.#subscriber);
  }

  take(): W | undefined {
    return this.waiting.shift();
  }

  get end(): PullEnd | undefined {
    return this.waiting.length === 0 && !this.#accepting ? this.#end : undefined;
  }

  get pendingFailure(): PullEnd | undefined {
    return !this.#stopped && this.#end?.failed === true ? this.#end : undefined;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unsubscribe();
  }

  #next(item: T): void {
    if (this.#ended) return;
    if (this.#accepting) {
      this.#arriving.push(item);
      return;
    }
    this.#accepting = true;
    try {
      this.accept(item);
      while (this.#arriving.length > 0) this.accept(this.#arriving.shift()!);
    } catch (error) {
      if (!this.#stopped) {
        this.#end = { failed: true, error };
        this.#unsubscribe();
      }
    }
    this.#accepting = false;
    if (!this.#stopped) this.#onReady();
  }

  get #ended(): boolean {
    return this.#stopped || this.#end !== undefined;
  }

  #finish(end: PullEnd): void {
    if (this.#ended) return;
    this.#end = end;
    if (!this.#accepting) this.#onReady();
  }

  #unsubscribe(): void {
    this.#arriving.length = 0;
    this.#subscriber.unsubscribe();
    for (const { release } of this.waiting.clear()) release?.();
  }
}

function nothing(): void {
  // Not open yet.
}
