import type { Observable } from 'rxjs';
import { checkReaderOptions, openReader, type ReaderOptions } from '../flow/reader-pull.js';

/**
 * A WHATWG ReadableStream of an Observable's items, such as the body of a `Response`. Demand follows the reader: the credit of a
 * stream's item returns when the reader asks for the next one, also behind operators that pass items on synchronously;
 * what nothing can hold back waits, up to `capacity`. What `bufferBounded` and `conflate` hold is taken when the reader asks.
 *
 * It subscribes at the first read; `cancel()` unsubscribes.
 *
 * Errors: those of the source, after what waits; BufferOverflowError, at once.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 *
 * @example
 * return new Response(toReadableStream(host2.stream(download, { name })));
 */
export function toReadableStream<T>(source: Observable<T>, options: ReaderOptions = {}): ReadableStream<T> {
  checkReaderOptions('toReadableStream', options);
  const pull = openReader(source, 'toReadableStream', options);
  let opened = false;
  let over = false;
  // Of the item that the reader works on.
  let release: (() => void) | undefined;
  // There while the reader waits.
  let answer: (() => void) | undefined;

  const releaseTaken = (): void => {
    const releaseIt = release;
    release = undefined;
    releaseIt?.();
  };
  const serve = (controller: ReadableStreamDefaultController<T>): void => {
    if (over) return;
    if (answer !== undefined) {
      const taken = pull.take();
      if (taken !== undefined) {
        const answerNow = answer;
        answer = undefined;
        release = taken.release;
        controller.enqueue(taken.value);
        answerNow();
      }
    }
    // Told at once, so that who waits for `closed` hears it without a read.
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
          releaseTaken();
          if (opened) {
            serve(controller);
            return;
          }
          opened = true;
          // What it throws, where the source refuses, is the stream's error.
          pull.open(() => {
            serve(controller);
          });
        });
      },
      cancel() {
        over = true;
        releaseTaken();
        pull.stop();
      },
    },
    // Without a queue of its own: what is read ahead would be out of the credit's sight.
    { highWaterMark: 0 },
  );
}
