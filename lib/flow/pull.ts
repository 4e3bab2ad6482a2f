/**
 * Observables whose items can be taken one by one, when somebody has use for one.
 *
 *     source ──next──▶ accept ──▶ waiting ──take──▶ who has credit, or a reader
 *                         └─ the policy of the operator: refuse, drop, fold, hold back
 *
 * An Observable pushes, so an operator that buffers cannot know when its consumer is ready. Who sends with credit, or
 * reads on demand, asks an Observable for {@link makePull} and, where it is there, takes from it instead of subscribing.
 * The key belongs to the Observable itself: an operator behind it makes another Observable, without the key. That one
 * subscribes, and so does every other subscriber. It gets one item after the other, each as a delivery: the next one is
 * taken when nobody retains the one before. So who sends with credit behind `map`, `finalize` or `takeUntil` lets items
 * wait here, too, as `consume` does; a subscriber that retains nothing gets every item as it comes.
 */

import { Observable, type Subscriber } from 'rxjs';
import { Fifo } from './fifo.js';
import type { OnThrown } from '../guard.js';
import { trackRedelivery, redeliver } from './redeliver.js';
import { GuardedSubscriber } from './subscriber.js';
import { reportUnhandled } from './unhandled.js';

/** One item that was taken. */
export interface Taken<T> {
  readonly value: T;
  /** Done with the item: its credit returns, where it has one. */
  readonly release: (() => void) | undefined;
}

/** How a source has ended. */
export interface PullEnd {
  readonly failed: boolean;
  readonly error?: unknown;
}

/** Takes the items of one subscription. */
export interface Pull<T> {
  /**
   * Subscribes. From then on `onReady` is called when there may be something to take, or the end; also within this call.
   * `onThrown` takes what the source's finalizers throw; by default it is reported as unhandled.
   */
  open(onReady: () => void, onThrown?: OnThrown): void;
  /** The next item; undefined where none waits. */
  take(): Taken<T> | undefined;
  /** Set when everything is taken and nothing comes any more. */
  readonly end: PullEnd | undefined;
  /** Unsubscribes, and gives up what waits. More than once is harmless. */
  stop(): void;
}

/** Key of the method that makes a {@link Pull}. Registered, so that two copies of the library know each other's. */
export const makePull: unique symbol = Symbol.for('rxgrid.makePull');

/** An Observable that can be taken from. */
export interface Pullable<T> {
  [makePull](): Pull<T>;
}

/** See the head of this file. */
export class PullableObservable<T> extends Observable<T> implements Pullable<T> {
  readonly #makePull: () => Pull<T>;

  /** `pull` makes the {@link Pull} of one subscription. */
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

/** Gives a subscriber what a {@link Pull} has: the next item when nobody retains the one before. */
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
    // A release within `next` must not recurse for each item.
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (!this.#retained && !this.#subscriber.closed && this.#deliverOne());
    } finally {
      // Also where the subscriber throws: the next item is delivered all the same.
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

/** Tells an Observable that can be taken from. */
export function isPullable<T>(source: Observable<T>): source is Observable<T> & Pullable<T> {
  return makePull in source;
}

/** A {@link Pull} that keeps what waits in a queue; how it does that is its subclass's. */
export abstract class QueuePull<T, W extends Taken<T> = Taken<T>> implements Pull<T> {
  /** What waits. */
  protected readonly waiting = new Fifo<W>();

  readonly #source: Observable<T>;
  #onReady: () => void = nothing;
  #onThrown: OnThrown = reportUnhandled;
  #end: PullEnd | undefined = undefined;
  #stopped = false;
  #accepting = false;
  // What the user's functions make the source emit while an item is being accepted.
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

  /** Puts an item into the queue, or does not. What it throws fails the pull at once. */
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

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#giveUp();
  }

  #next(item: T): void {
    if (this.#over) return;
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
        this.#giveUp();
      }
    }
    this.#accepting = false;
    if (!this.#stopped) this.#onReady();
  }

  get #over(): boolean {
    return this.#stopped || this.#end !== undefined;
  }

  #finish(end: PullEnd): void {
    if (this.#over) return;
    this.#end = end;
    if (!this.#accepting) this.#onReady();
  }

  #giveUp(): void {
    this.#arriving.length = 0;
    this.#subscriber.unsubscribe();
    for (const { release } of this.waiting.clear()) release?.();
  }
}

function nothing(): void {
  // Not open yet.
}
