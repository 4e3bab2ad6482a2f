import type { Observable, Subscriber } from 'rxjs';
import { sendFrom } from '../flow/feed/sending.js';
import type { DuplexStream } from '../contract/duplex-stream.js';

/**
 * Sends the items of `source` to an open stream, and then half-closes it. `subscriber` receives the end; where it
 * unsubscribes before that, the stream is cancelled. `sent` is called after each item.
 */
export function sendWhileSubscribed<I>(
  source: Observable<I>,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a stream of any output.
  stream: DuplexStream<I, any>,
  subscriber: Subscriber<unknown>,
  sent: () => void,
): void {
  let over = false;
  const sending = stream[sendFrom]({
    sent,
    done: () => {
      over = true;
      subscriber.complete();
    },
    failed: (error) => {
      over = true;
      subscriber.error(error);
    },
  });
  // Added before the start, because a subscriber may unsubscribe on the first item.
  subscriber.add(() => {
    sending.stop();
    if (!over) stream.cancel();
  });
  sending.start(source);
}
