import type { Observable } from 'rxjs';
import { pulledAsync } from '../flow/pulled.js';
import { checkReaderOptions } from '../flow/reader-pull.js';
import type { PullOptions } from './from-iterable.js';

/**
 * The chunks of a WHATWG ReadableStream, such as the body of a `fetch`. The next one is read when the one before is done
 * with: as for {@link fromIterable}, so `sendTo`, `consume` and the like hold the stream back.
 *
 * The stream is locked while it is subscribed to; unsubscribing cancels it. It can be read once.
 *
 * Errors: those of the stream; TypeError where it is locked already.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 *
 * @example
 * fromReadableStream(response.body).pipe(sendTo(stream)).subscribe();
 */
export function fromReadableStream<T>(stream: ReadableStream<T>, options: PullOptions = {}): Observable<T> {
  checkReaderOptions('fromReadableStream', options);
  const { capacity = 1 } = options;
  return pulledAsync(() => readerIterator(stream.getReader()), capacity);
}

// Not the stream's own iterator, which Safari lacks.
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
