/**
 * Feeds the sending half of a stream from what a user gave: an iterable or an async iterable is pulled, one item per
 * credit, and so is an Observable that can be taken from (`pull.ts`); any other Observable pushes, and goes through a
 * bounded buffer.
 */

import { isObservable, type Observable } from 'rxjs';
import type { OnThrown } from '../guard.js';
import { checkResult, returnAsyncIterator, returnIterator } from './iterators.js';
import { ObservableFeeder } from './observable-feeder.js';
import { isPullable, makePull } from './pull.js';
import { PullFeeder } from './pull-feeder.js';

/** Where the items go. */
export interface Outlet<T> {
  /** True while an item would leave now. After false, {@link Feeder.resume} is called when that may have changed. */
  readonly canSend: boolean;
  /** Encodes an item; what it throws ends the feeding with `fail`. */
  encode(item: T): Uint8Array;
  send(payload: Uint8Array): void;
  /** The source has completed, and everything is sent. */
  complete(): void;
  /** The source failed, after everything before it is sent. */
  fail(error: unknown): void;
  /** Takes what the source throws while it is cleaned up: in a finalizer, or in the `finally` of a generator. */
  readonly onThrown: OnThrown;
  /** Takes the rejection of an async iterator that comes after it was stopped. Default: dropped, as from() of rxjs does. */
  readonly onLateFailure?: OnThrown | undefined;
}

/** A source that is being sent. */
export interface Feeder {
  /** The outlet may take items again. */
  resume(): void;
  /** Stops the source: unsubscribes, or returns the iterator. Nothing is sent any more. */
  stop(): void;
  /** After `stop`: settles when the source has ended; undefined where it has. */
  readonly running?: PromiseLike<unknown> | undefined;
}

/** What can be fed. */
export type FeedSource<T> = Observable<T> | AsyncIterable<T> | Iterable<T>;

/** Bounds of the buffer between an Observable and the credit. */
export interface FeedBounds {
  readonly items: number;
  readonly bytes: number;
}

/** Starts to feed `outlet`. It may send, complete and fail before this returns; nothing that the source throws comes out. */
export function feed<T>(source: FeedSource<T>, outlet: Outlet<T>, bounds: FeedBounds): Feeder {
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

/** True for what {@link feed} takes; a string is not meant letter by letter. */
export function isFeedSource(value: unknown): value is FeedSource<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return isObservable(value) || Symbol.asyncIterator in value || Symbol.iterator in value;
}

class IterableFeeder<T> implements Feeder {
  readonly #iterator: Iterator<T>;
  readonly #outlet: Outlet<T>;
  #stopped = false;
  #pulling = false;

  constructor(iterator: Iterator<T>, outlet: Outlet<T>) {
    this.#iterator = iterator;
    this.#outlet = outlet;
    this.resume();
  }

  resume(): void {
    // The user's `next` may give the outlet credit, or stop us.
    if (this.#pulling) return;
    this.#pulling = true;
    const outlet = this.#outlet;
    try {
      while (!this.#stopped && outlet.canSend) {
        const result = checkResult(this.#iterator.next());
        if (this.#isStopped()) {
          // A generator that stops its own call runs, and so could not be returned then.
          if (result.done !== true) returnIterator(this.#iterator, outlet.onThrown);
          break;
        }
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
    returnIterator(this.#iterator, this.#outlet.onThrown);
  }

  // A method, because the compiler does not see what the user's code does.
  #isStopped(): boolean {
    return this.#stopped;
  }
}

class AsyncFeeder<T> implements Feeder {
  running: PromiseLike<unknown> | undefined = undefined;
  readonly #iterator: AsyncIterator<T>;
  readonly #outlet: Outlet<T>;
  #stopped = false;
  #pulling = false;

  constructor(iterator: AsyncIterator<T>, outlet: Outlet<T>) {
    this.#iterator = iterator;
    this.#outlet = outlet;
    this.resume();
  }

  resume(): void {
    if (this.#pulling || this.#stopped || !this.#outlet.canSend) return;
    this.#pulling = true;
    let asked: Promise<IteratorResult<T>>;
    try {
      asked = this.#iterator.next();
    } catch (error) {
      this.#fail(error);
      return;
    }
    Promise.resolve(asked).then(this.#onResult, this.#fail);
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
