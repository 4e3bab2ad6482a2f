import type { Observable } from 'rxjs';
import { PullIterator } from '../flow/pull-iterator.js';
import { checkReaderOptions, openReader, type ReaderOptions } from '../flow/reader-pull.js';

/**
 * Reads an Observable with `for await`. The credit of a stream's item returns when the loop asks for the next one, also
 * behind operators that pass items on synchronously; what nothing can hold back waits, up to `capacity`. What
 * `bufferBounded` and `conflate` hold is taken when the loop asks.
 *
 * Each loop is a subscription. It begins at the first `next()`; leaving the loop unsubscribes.
 *
 * Errors: those of the source, after what waits; BufferOverflowError, at once.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 *
 * @example
 * for await (const event of toAsyncIterable(host2.stream(watch, {}).pipe(filter(isHot)))) await save(event);
 */
export function toAsyncIterable<T>(source: Observable<T>, options: ReaderOptions = {}): AsyncIterable<T> {
  checkReaderOptions('toAsyncIterable', options);
  return {
    [Symbol.asyncIterator]: () => new PullIterator(openReader(source, 'toAsyncIterable', options)),
  };
}
