import type { Observable } from 'rxjs';
import { checkOption, type Rule } from '../check.js';
import { pulled, pulledAsync } from '../flow/pull/pulled.js';
import { checkReaderOptions } from '../flow/pull/reader-pull.js';

/** Options of {@link fromIterable} and `fromReadableStream`. */
export interface PullOptions {
  /** Maximum number of items that have been requested from the iterator and not yet released. Default 1. */
  readonly capacity?: number;
}

const iterable: Rule = {
  expected: 'an iterable or an async iterable, such as an array or a generator that was called',
  accepts: (value) =>
    isAsync(value as AsyncIterable<unknown>) ||
    typeof (value as Iterable<unknown> | null)?.[Symbol.iterator] === 'function',
};

function isAsync<T>(source: Iterable<T> | AsyncIterable<T>): source is AsyncIterable<T> {
  return typeof (source as Partial<AsyncIterable<T>> | null | undefined)?.[Symbol.asyncIterator] === 'function';
}

/**
 * Converts an iterable or async iterable to an Observable, like rxjs' `from`, but requests the next item only when the
 * previous one has been released. `sendTo`, `consume`, a relay, or a reader such as `toReadableStream` therefore
 * applies backpressure to it, also through synchronous operators. An ordinary subscriber releases an item when `next`
 * returns.
 *
 * Unsubscribing returns the iterator. A generator can be read once; for a source that is subscribed to repeatedly, use
 * `defer(() => fromIterable(chunks()))`.
 *
 * Errors: those thrown by the iterator.
 *
 * @throws ConfigurationError for an unknown or invalid option, and for a source that cannot be iterated over.
 *
 * @example
 * fromIterable(lines()).pipe(map(encode), sendTo(stream)).subscribe();
 */
export function fromIterable<T>(source: Iterable<T> | AsyncIterable<T>, options: PullOptions = {}): Observable<T> {
  checkOption('fromIterable: the source', source, iterable);
  checkReaderOptions('fromIterable', options);
  const { capacity = 1 } = options;
  return isAsync(source)
    ? pulledAsync(() => source[Symbol.asyncIterator](), capacity)
    : pulled(() => source[Symbol.iterator](), capacity);
}
