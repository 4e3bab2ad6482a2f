/** Guards against iterators of user code, which may return invalid results, or throw while they are stopped. */

import { guarded, type OnThrown } from '../../guard.js';

/** Checks the result of `next()` as `for … of` does. @throws TypeError where it is not an object. */
export function checkResult<R extends IteratorResult<unknown>>(result: R): R {
  const given: unknown = result;
  if ((typeof given === 'object' && given !== null) || typeof given === 'function') return result;
  throw new TypeError(
    `next() of an iterator must return an object, such as { value, done: false }; it returned ${describe(given)}.`,
  );
}

/** Stops an iterator. An error that it throws, for instance in the `finally` of a generator, goes to `onThrown`. */
export function returnIterator(iterator: Iterator<unknown>, onThrown: OnThrown): void {
  guarded(onThrown, () => {
    iterator.return?.();
  });
}

/**
 * An iterator of user code, which its own `next()` may stop, by ending the call that it is the source of. A generator cannot be
 * returned while it runs: it is returned as soon as `next()` has.
 */
export class StoppableIterator<T> {
  readonly #iterator: Iterator<T>;
  readonly #onThrown: OnThrown;
  #running = false;
  #stopsAfterNext = false;

  /** `onThrown`: see {@link returnIterator}. */
  constructor(iterator: Iterator<T>, onThrown: OnThrown) {
    this.#iterator = iterator;
    this.#onThrown = onThrown;
  }

  /** The next result, as the user's code returns it. Throws what that throws. */
  next(): IteratorResult<T> {
    let result: IteratorResult<T>;
    this.#running = true;
    try {
      result = this.#iterator.next();
    } finally {
      this.#running = false;
    }
    if (this.#stopsAfterNext && checkResult(result).done !== true) this.stop();
    return result;
  }

  /** Stops the iterator: see {@link returnIterator}. */
  stop(): void {
    this.#stopsAfterNext = this.#running;
    if (!this.#running) returnIterator(this.#iterator, this.#onThrown);
  }
}

/**
 * As {@link returnIterator}. An async generator runs its `finally` now, or once the promise that it awaits has settled.
 */
export function returnAsyncIterator(
  iterator: AsyncIterator<unknown>,
  onThrown: OnThrown,
): Promise<unknown> | undefined {
  let ended: Promise<unknown> | undefined;
  guarded(onThrown, () => {
    if (iterator.return !== undefined) ended = Promise.resolve(iterator.return()).catch(onThrown);
  });
  return ended;
}

function describe(value: unknown): string {
  return typeof value === 'symbol' ? 'a symbol' : String(value);
}
