import { Observable, type OperatorFunction } from 'rxjs';
import { sendFrom } from '../flow/sending.js';
import type { DuplexStream } from '../contract/duplex-stream.js';

/** What {@link sendTo} emits after each item. */
export interface SendProgress {
  /** Items that have gone out. */
  readonly sent: number;
  /** Items that may go out now. */
  readonly credit: number;
}

/**
 * Sends the items of the source to an open stream, as its credit allows, and then half-closes it. Emits after each item;
 * completes when the half-close has gone out.
 *
 * What holds the source back: `fromIterable` and `fromReadableStream` are asked for an item per credit; a stream's item
 * (a relay) keeps its credit until it has gone out, also behind operators that pass items on synchronously; what
 * `bufferBounded` and `conflate` hold is taken, one per credit. Any other Observable pushes, and so does rxjs' `from`: its
 * items wait in a buffer of `limits.bufferItems` and `limits.bufferBytes`.
 *
 * Unsubscribing before the end cancels the stream; so does an error of the source, which the stream's output then has too.
 *
 * Errors: that of the source; that of the call; BufferOverflowError; CancelledError where the handler ended normally before everything
 * was sent; ConfigurationError where the input was completed elsewhere.
 *
 * @example
 * const stream = host2.open(upload, { name: 'a' });
 * fromIterable(chunks()).pipe(sendTo(stream)).subscribe(({ sent }) => bar.update(sent));
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a stream of any output.
export function sendTo<I>(stream: DuplexStream<I, any>): OperatorFunction<I, SendProgress> {
  return (source) =>
    new Observable((subscriber) => {
      let sent = 0;
      let over = false;
      const sending = stream[sendFrom]({
        sent: () => {
          subscriber.next({ sent: ++sent, credit: stream.credit });
        },
        done: () => {
          over = true;
          subscriber.complete();
        },
        failed: (error) => {
          over = true;
          subscriber.error(error);
        },
      });
      // Before it starts: a progress may end it.
      subscriber.add(() => {
        sending.stop();
        if (!over) stream.cancel();
      });
      sending.start(source);
    });
}
