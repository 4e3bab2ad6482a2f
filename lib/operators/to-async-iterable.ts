import type { Observable } from 'rxjs';
import { PullIterator } from '../flow/pull/pull-iterator.js';
import { checkReaderOptions, checkSource, openReader, type ReaderOptions } from '../flow/pull/reader-pull.js';

/**
 * Converts an Observable to an async iterable for `for await`. The credit of a stream's item returns when the loop asks
 * for the next one, also through synchronous operators. Items of a source without backpressure are buffered, up to
 * `capacity`; items held by `bufferBounded` and `conflate` are taken when the loop asks for them.
 *
 * Each loop is a subscription, which starts at the first `next()`; leaving the loop unsubscribes.
 *
 * Errors: those of the source, after the buffered items; BufferOverflowError, immediately.
 *
 * @throws ConfigurationError for an unknown or invalid option, and for a source that is no Observable.
 *
 * @example
 * for await (const event of toAsyncIterable(host2.stream(watch, {}).pipe(filter(isHot)))) await save(event);
 */
export function toAsyncIterable<T>(source: Observable<T>, options: ReaderOptions = {}): AsyncIterable<T> {
  checkSource('toAsyncIterable', source);
  checkReaderOptions('toAsyncIterable', options);
  return {
    [Symbol.asyncIterator]: () => new PullIterator(openReader(source, 'toAsyncIterable', options)),
  };
}
