/**
 * Feeds the sending half of a stream from a user's source. An iterable or async iterable is pulled, one item per
 * credit, and so is a pullable Observable (`pull.ts`). Any other Observable pushes its items into a bounded buffer.
 *
 *     idle ──resume──▶ pulling ──item──▶ send ──▶ idle          no credit: the source is not asked
 *                        └── done | throws | stop ──▶ ended
 *
 * An operator between a source and the feed may hide that the source can be pulled. `zip` and `combineLatest` of two
 * iterables, for instance, drain both of them into buffers of their own, which nothing bounds; and `zip` of two streams
 * lets the faster one run ahead by as many items as the slower one is behind, which is reported. Combine such sources
 * in a generator instead.
 */

import { isObservable, type Observable } from 'rxjs';
import type { OnThrown } from '../../guard.js';
import { checkResult, returnAsyncIterator, StoppableIterator } from '../pull/iterators.js';
import { ObservableFeeder } from './observable-feeder.js';
import { isPullable, makePull } from '../pull/pull.js';
import { PullFeeder } from './pull-feeder.js';

/** An encoded item, as the feeding sees it: something with a size. */
export interface Payload {
  /** Size in bytes, which counts towards the bounds of the buffer. */
  readonly length: number;
}

/** Takes the items. */
export interface Outlet<T, P extends Payload = Uint8Array> {
  /** True while an item would be sent now. After false, {@link Feeder.resume} is called when that may have changed. */
  readonly canSend: boolean;
  /** Encodes an item. An error thrown here ends the feeding with `fail`. */
  encode(item: T): P;
  send(payload: P): void;
  /** The source has completed, and every item is sent. */
  complete(): void;
  /** The source failed, and every item before the failure is sent. */
  fail(error: unknown): void;
  /** Takes errors thrown while the source is cleaned up, by a finalizer or in the `finally` of a generator. */
  readonly onThrown: OnThrown;
  /**
   * Takes a failure of the source that is not reported otherwise, because feeding was stopped. Default: dropped, as by
   * from() of rxjs.
   */
  readonly onLateFailure?: OnThrown | undefined;
}

/** A source that is being sent. */
export interface Feeder {
  /** The outlet may accept items again. */
  resume(): void;
  /** Stops the source: unsubscribes, or returns the iterator. Nothing is sent afterwards. */
  stop(): void;
  /** After `stop`: settles once the source has ended; undefined where it has ended already. */
  readonly running?: PromiseLike<unknown> | undefined;
}

/** Sources that can be fed. */
export type FeedSource<T> = Observable<T> | AsyncIterable<T> | Iterable<T>;

/** Bounds of the buffer between an Observable and the credit. */
export interface FeedBounds {
  readonly items: number;
  readonly bytes: number;
}

/**
 * Starts to feed `outlet`, which may send, complete or fail before this returns. Errors of the source are never thrown.
 */
export function feed<T, P extends Payload = Uint8Array>(
  source: FeedSource<T>,
  outlet: Outlet<T, P>,
  bounds: FeedBounds,
): Feeder {
  try {
    if (isObservable(source)) {
      if (isPullable(source)) return new PullFeeder(source[makePull](), outlet);
      return new ObservableFeeder(source, outlet, bounds);
    }
    if (Symbol.asyncIterator in source) return new AsyncFeeder(source[Symbol.asyncIterator](), outlet);
    return new IterableFeeder(source[Symbol.iterator](), outlet);
  } catch (error) {
    outlet.fail(error);
    return failed;
  }
}

const failed: Feeder = { resume() {}, stop() {} };

/** True for sources that {@link feed} accepts. A string is not one, although it is iterable. */
export function isFeedSource(value: unknown): value is FeedSource<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return isObservable(value) || Symbol.asyncIterator in value || Symbol.iterator in value;
}

class IterableFeeder<T, P extends Payload> implements Feeder {
  readonly #iterator: StoppableIterator<T>;
  readonly #outlet: Outlet<T, P>;
  #stopped = false;
  #pulling = false;

  constructor(iterator: Iterator<T>, outlet: Outlet<T, P>) {
    this.#iterator = new StoppableIterator(iterator, outlet.onThrown);
    this.#outlet = outlet;
    this.resume();
  }

  resume(): void {
    // The user's `next` may give the outlet credit, or stop this feeder.
    if (this.#pulling) return;
    this.#pulling = true;
    const outlet = this.#outlet;
    try {
      while (!this.#stopped && outlet.canSend) {
        const result = checkResult(this.#iterator.next());
        if (this.#isStopped()) break;
        if (result.done === true) {
          this.#stopped = true;
          outlet.complete();
          break;
        }
        outlet.send(outlet.encode(result.value));
      }
    } catch (error) {
      if (this.#stopped) outlet.onThrown(error);
      else {
        this.stop();
        outlet.fail(error);
      }
    } finally {
      this.#pulling = false;
    }
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#iterator.stop();
  }

  // A method, because the compiler cannot see that user code changes the field.
  #isStopped(): boolean {
    return this.#stopped;
  }
}

class AsyncFeeder<T, P extends Payload> implements Feeder {
  running: PromiseLike<unknown> | undefined = undefined;
  readonly #iterator: AsyncIterator<T>;
  readonly #outlet: Outlet<T, P>;
  #stopped = false;
  #pulling = false;

  constructor(iterator: AsyncIterator<T>, outlet: Outlet<T, P>) {
    this.#iterator = iterator;
    this.#outlet = outlet;
    this.resume();
  }

  resume(): void {
    if (this.#pulling || this.#stopped || !this.#outlet.canSend) return;
    this.#pulling = true;
    try {
      // Either may throw: a Promise may have a `then` of its own.
      Promise.resolve(this.#iterator.next()).then(this.#onResult, this.#fail);
    } catch (error) {
      this.#fail(error);
    }
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.running = returnAsyncIterator(this.#iterator, this.#outlet.onThrown);
  }

  readonly #onResult = (result: IteratorResult<T>): void => {
    this.#pulling = false;
    if (this.#stopped) return;
    try {
      if (checkResult(result).done === true) {
        this.#stopped = true;
        this.#outlet.complete();
        return;
      }
      this.#outlet.send(this.#outlet.encode(result.value as T));
    } catch (error) {
      this.stop();
      this.#outlet.fail(error);
      return;
    }
    this.resume();
  };

  readonly #fail = (error: unknown): void => {
    this.#pulling = false;
    if (this.#stopped) {
      this.#outlet.onLateFailure?.(error);
      return;
    }
    this.#stopped = true;
    this.#outlet.fail(error);
  };
}
