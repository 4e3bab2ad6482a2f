import { Observable, type OperatorFunction } from 'rxjs';
import { checkOption, type Rule } from '../check.js';
import { sendFrom } from '../flow/feed/sending.js';
import type { DuplexStream } from '../contract/duplex-stream.js';
import { sendWhileSubscribed } from './send-while-subscribed.js';

/** What {@link sendTo} emits after each item. */
export interface SendProgress {
  /** Number of items sent. */
  readonly sent: number;
  /** Number of items that may be sent now. */
  readonly credit: number;
}

const openStream: Rule = {
  expected: 'what connection.open(…) returned',
  accepts: (value) => typeof (value as Partial<DuplexStream<unknown, unknown>> | null)?.[sendFrom] === 'function',
};

/**
 * Sends the items of the source to an open stream, as its credit allows, and then half-closes it. Emits after each
 * item; completes when the half-close has been sent.
 *
 * Backpressure: `fromIterable` and `fromReadableStream` are asked for one item per credit; an item of another stream (a
 * relay) retains its credit until it has been sent, also through synchronous operators; items held by `bufferBounded`
 * and `conflate` are taken one per credit. Any other Observable, including rxjs' `from`, pushes: its items wait in a
 * buffer of `limits.bufferItems` and `limits.bufferBytes`.
 *
 * Unsubscribing before the end cancels the stream; so does an error of the source, which the output of the stream then
 * emits as well.
 *
 * Errors: that of the source; that of the call; BufferOverflowError; CancelledError if the handler ended normally
 * before everything was sent; ConfigurationError if the input was completed elsewhere.
 *
 * @throws ConfigurationError for anything but an open stream.
 *
 * @example
 * const stream = host2.open(upload, { name: 'a' });
 * fromIterable(chunks()).pipe(sendTo(stream)).subscribe(({ sent }) => bar.update(sent));
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a stream of any output.
export function sendTo<I>(stream: DuplexStream<I, any>): OperatorFunction<I, SendProgress> {
  checkOption('sendTo: the stream', stream, openStream);
  return (source) =>
    new Observable((subscriber) => {
      let sent = 0;
      sendWhileSubscribed(source, stream, subscriber, () => {
        subscriber.next({ sent: ++sent, credit: stream.credit });
      });
    });
}
