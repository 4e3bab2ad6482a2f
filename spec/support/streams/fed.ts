import { Observable } from 'rxjs';
import { reportUnhandled } from '../../../lib/flow/unhandled.js';
import { feed, type FeedSource } from '../../../lib/flow/feed/feed.js';

const toBytes = (item: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(item));
const fromBytes = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

/**
 * What goes out of a stream that is fed from `source`: one item for each notification of `credit`, and `initial` more.
 */
export function fed<T>(source: FeedSource<T>, credit: Observable<unknown>, initial = 0): Observable<T> {
  return new Observable<T>((subscriber) => {
    let left = initial;
    const feeder = feed<T>(
      source,
      {
        get canSend() {
          return left > 0 && !subscriber.closed;
        },
        encode: toBytes,
        send: (payload) => {
          left--;
          subscriber.next(fromBytes(payload) as T);
        },
        complete: () => {
          subscriber.complete();
        },
        fail: (error) => {
          subscriber.error(error);
        },
        onThrown: reportUnhandled,
      },
      { items: 1024, bytes: 1 << 20 },
    );
    subscriber.add(() => {
      feeder.stop();
    });
    subscriber.add(
      credit.subscribe(() => {
        left++;
        feeder.resume();
      }),
    );
  });
}
