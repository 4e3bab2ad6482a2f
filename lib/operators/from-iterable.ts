import type { Observable } from 'rxjs';
import { pulled, pulledAsync } from '../flow/pull/pulled.js';
import { checkReaderOptions } from '../flow/pull/reader-pull.js';

/** Options of {@link fromIterable} and `fromReadableStream`. */
export interface PullOptions {
  /** Maximum number of items that have been requested from the iterator and not yet released. Default 1. */
  readonly capacity?: number;
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
 * @throws ConfigurationError for an unknown or invalid option.
 *
 * @example
 * fromIterable(lines()).pipe(map(encode), sendTo(stream)).subscribe();
 */
export function fromIterable<T>(source: Iterable<T> | AsyncIterable<T>, options: PullOptions = {}): Observable<T> {
  checkReaderOptions('fromIterable', options);
  const { capacity = 1 } = options;
  return Symbol.asyncIterator in source
    ? pulledAsync(() => source[Symbol.asyncIterator](), capacity)
    : pulled(() => source[Symbol.iterator](), capacity);
}
