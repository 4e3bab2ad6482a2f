import type { Observable } from 'rxjs';
import { checkReaderOptions, checkSource, openReader, type ReaderOptions } from '../flow/pull/reader-pull.js';

/**
 * Converts an Observable to a WHATWG ReadableStream, such as the body of a `Response`. The credit of a stream's item
 * returns when the reader asks for the next one, also through synchronous operators. Items of a source without
 * backpressure are buffered, up to `capacity`; items held by `bufferBounded` and `conflate` are taken when the reader
 * asks for them.
 *
 * The source is subscribed to at the first read; `cancel()` unsubscribes.
 *
 * Errors: those of the source, after the buffered items; BufferOverflowError, immediately.
 *
 * @throws ConfigurationError for an unknown or invalid option, and for a source that is no Observable.
 *
 * @example
 * return new Response(toReadableStream(host2.stream(download, { name })));
 */
export function toReadableStream<T>(source: Observable<T>, options: ReaderOptions = {}): ReadableStream<T> {
  checkSource('toReadableStream', source);
  checkReaderOptions('toReadableStream', options);
  const pull = openReader(source, 'toReadableStream', options);
  let opened = false;
  let over = false;
  // Releases the item that was read last.
  let release: (() => void) | undefined;
  // Defined while a read is pending.
  let answer: (() => void) | undefined;

  const releaseCurrent = (): void => {
    const current = release;
    release = undefined;
    current?.();
  };
  const serve = (controller: ReadableStreamDefaultController<T>): void => {
    if (over) return;
    if (answer !== undefined) {
      const taken = pull.take();
      if (taken !== undefined) {
        const resolveRead = answer;
        answer = undefined;
        release = taken.release;
        controller.enqueue(taken.value);
        resolveRead();
      }
    }
    // Closed immediately, so that `closed` settles without another read.
    const { end } = pull;
    if (end === undefined) return;
    over = true;
    if (end.failed) controller.error(end.error);
    else controller.close();
    answer?.();
  };

  return new ReadableStream<T>(
    {
      pull(controller) {
        return new Promise<void>((resolve) => {
          answer = resolve;
          releaseCurrent();
          if (opened) {
            serve(controller);
            return;
          }
          opened = true;
          // If this throws because the source refuses the subscription, the stream errors.
          pull.open(() => {
            serve(controller);
          });
        });
      },
      cancel() {
        over = true;
        releaseCurrent();
        pull.stop();
      },
    },
    // No internal queue: items in it would have returned their credit.
    { highWaterMark: 0 },
  );
}
