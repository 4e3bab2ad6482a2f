import { closeSync, constants, openSync, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * Opens a file that the user named, for reading: a FIFO as soon as it has a writer. A wait for one blocks a thread of the pool
 * and would keep the process from exiting, so an abort ends it. Errors: the system's; the reason of the signal.
 */
export async function openInput(path: string, signal: AbortSignal): Promise<ReadStream> {
  signal.throwIfAborted();
  const opening = open(path, 'r');
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      releaseOpen(path);
      void opening.then(
        (file) => file.close(),
        () => undefined,
      );
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort);
  });
  try {
    return (await Promise.race([opening, aborted])).createReadStream();
  } finally {
    signal.removeEventListener('abort', abort!);
  }
}

/** Ends a wait for the writer of a FIFO: this process becomes that writer for a moment. */
function releaseOpen(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // Nobody waits there (ENXIO), or it is no FIFO.
  }
}
