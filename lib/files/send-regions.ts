import { map, Observable } from 'rxjs';
import type { DuplexStream } from '../contract/duplex-stream.js';
import { sendWhileSubscribed } from '../operators/send-while-subscribed.js';
import type { FileProgress, FileRegion } from './file-region.js';

/** Options of `sendfile`. */
export interface SendfileOptions {
  /**
   * Called for a file that cannot be sent. On a route of files, the peer gets the error, and the other files follow.
   * Default: the first such file ends the sending with its error.
   */
  readonly failed?: (path: string, error: unknown) => void;
}

/** Sends regions to an open stream, one after the other, and then half-closes it. */
export function sendRegions(
  source: Observable<FileRegion>,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a stream of any input and output.
  stream: DuplexStream<any, any>,
  options: SendfileOptions,
): Observable<FileProgress> {
  return new Observable((subscriber) => {
    const observed = map((region: FileRegion) =>
      region.observedBy({
        progress: (step) => {
          subscriber.next(step);
        },
        failed: (error) => {
          if (options.failed !== undefined) {
            options.failed(region.path, error);
            return;
          }
          stream.cancel(error);
          subscriber.error(error);
        },
      }),
    );
    sendWhileSubscribed(source.pipe(observed), stream, subscriber, () => undefined);
  });
}
