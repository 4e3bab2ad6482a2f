/**
 * Observables whose items can be taken one by one, when somebody has use for one.
 *
 *     source ──next──▶ accept ──▶ waiting ──take──▶ who has credit, or a reader
 *                         └─ the policy of the operator: refuse, drop, fold, hold back
 *
 * An Observable pushes, so an operator that buffers cannot know when its consumer is ready. Who sends with credit, or
 * reads on demand, asks an Observable for {@link makePull} and, where it is there, takes from it instead of subscribing.
 * Any other subscriber gets the items as they come. The key belongs to the Observable itself: an operator behind it
 * makes another Observable, without the key.
 */

import { Observable, type Subscriber } from 'rxjs';
import { Fifo } from './fifo.js';
import { subscriberOf } from './subscriber.js';

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
  /** Subscribes. From then on `onReady` is called when there may be something to take, or the end; also within this call. */
  open(onReady: () => void): void;
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

  /** `items`: what any other subscriber gets. */
  constructor(items: Observable<T>, pull: () => Pull<T>) {
    super((subscriber: Subscriber<T>) => items.subscribe(subscriber));
    this.#makePull = pull;
  }

  [makePull](): Pull<T> {
    return this.#makePull();
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
  #end: PullEnd | undefined = undefined;
  #stopped = false;
  #accepting = false;
  // What the user's functions make the source emit while an item is being accepted.
  readonly #arriving: T[] = [];
  readonly #subscriber: Subscriber<T>;

  constructor(source: Observable<T>) {
    this.#source = source;
    this.#subscriber = subscriberOf({
      next: (item) => {
        this.#next(item);
      },
      error: (error: unknown) => {
        this.#finish({ failed: true, error });
      },
      complete: () => {
        this.#finish({ failed: false });
      },
    });
  }

  /** Puts an item into the queue, or does not. What it throws fails the pull at once. */
  protected abstract accept(item: T): void;

  open(onReady: () => void): void {
    this.#onReady = onReady;
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
