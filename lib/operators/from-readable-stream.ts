import type { Observable } from 'rxjs';
import { checkOption, withMethods } from '../check.js';
import { pulledAsync } from '../flow/pull/pulled.js';
import { checkReaderOptions } from '../flow/pull/reader-pull.js';
import type { PullOptions } from './from-iterable.js';

const aReadableStream = withMethods('a ReadableStream', 'getReader');

/**
 * Converts a WHATWG ReadableStream, such as the body of a `fetch`, to an Observable of its chunks. As with
 * {@link fromIterable}, the next chunk is read when the previous one has been released, so `sendTo`, `consume` and
 * similar consumers apply backpressure to the stream.
 *
 * The stream is locked while it is subscribed to; unsubscribing cancels it. It can be read once.
 *
 * Errors: those of the stream; TypeError if it is already locked.
 *
 * @throws ConfigurationError for an unknown or invalid option, and for anything but a ReadableStream.
 *
 * @example
 * fromReadableStream(response.body).pipe(sendTo(stream)).subscribe();
 */
export function fromReadableStream<T>(stream: ReadableStream<T>, options: PullOptions = {}): Observable<T> {
  checkOption('fromReadableStream: the stream', stream, aReadableStream);
  checkReaderOptions('fromReadableStream', options);
  const { capacity = 1 } = options;
  return pulledAsync(() => readerIterator(stream.getReader()), capacity);
}

// Safari does not support the stream's own iterator.
function readerIterator<T>(reader: ReadableStreamDefaultReader<T>): AsyncIterator<T, undefined> {
  return {
    async next() {
      let more = false;
      try {
        const result = await reader.read();
        more = !result.done;
        return result as IteratorResult<T, undefined>;
      } finally {
        if (!more) reader.releaseLock();
      }
    },
    async return() {
      try {
        await reader.cancel();
      } finally {
        reader.releaseLock();
      }
      return { done: true, value: undefined };
    },
  };
}
