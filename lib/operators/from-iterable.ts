import type { Observable } from 'rxjs';
import { pulled, pulledAsync } from '../flow/pulled.js';
import { checkReaderOptions } from '../flow/reader-pull.js';

/** Options of {@link fromIterable} and `fromReadableStream`. */
export interface PullOptions {
  /** Items that may be out at once: asked for, and not yet done with. Default 1. */
  readonly capacity?: number;
}

/**
 * An Observable of an iterable or async iterable, as rxjs' `from`, but it asks for the next item only when the one before
 * is done with. So `sendTo`, `consume`, a relay, or a reader such as `toReadableStream` holds it back, also behind
 * operators that pass items on synchronously. For an ordinary subscriber an item is done with when `next` has returned.
 *
 * Unsubscribing returns the iterator. A generator can be read once: for a source that is subscribed to again, use
 * `defer(() => fromIterable(chunks()))`.
 *
 * Errors: what the iterator throws.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
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
