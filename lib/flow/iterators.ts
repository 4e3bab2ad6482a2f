/** Iterators of user code, which may do anything: give what is no result, or throw while they are stopped. */

import { guarded, type OnThrown } from '../guard.js';

/** The result of `next()`, as `for … of` checks it. @throws TypeError where it is no object. */
export function checkResult<R extends IteratorResult<unknown>>(result: R): R {
  const given: unknown = result;
  if ((typeof given === 'object' && given !== null) || typeof given === 'function') return result;
  throw new TypeError(
    `next() of an iterator must give an object, such as { value, done: false }; it gave ${describe(given)}.`,
  );
}

/** Stops an iterator. What it throws, in the `finally` of a generator for instance, goes to `onThrown`. */
export function returnIterator(iterator: Iterator<unknown>, onThrown: OnThrown): void {
  guarded(onThrown, () => {
    iterator.return?.();
  });
}

/** As {@link returnIterator}. A generator runs its `finally` now, or when what it waits for is there. */
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
