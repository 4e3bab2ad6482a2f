import { closeSync, constants, openSync, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * Opens a file for reading. To open a FIFO blocks a thread of the pool until another process opens it for writing, and a blocked
 * thread keeps this process from exiting; so when the signal aborts, this process opens the FIFO for writing itself, which ends
 * the wait. Errors: the system's; the reason of the signal.
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

/** Unblocks the thread that opens a FIFO for reading: opens it for writing, and closes it. */
function releaseOpen(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // No open for reading is pending (ENXIO), or the file is not a FIFO.
  }
}
