import { close, closeSync, constants, createReadStream, fstatSync, open, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { promisify } from 'node:util';

const openOf = promisify(open);

/**
 * Opens a file for reading. To open a FIFO blocks a thread of the pool until another process opens it for writing, and
 * a blocked thread keeps this process from exiting; so when the signal aborts, this process opens the FIFO for writing
 * itself, which ends the wait. Errors: the system's; the reason of the signal.
 *
 * While the writer of a FIFO, or the user of a terminal, is silent, the returned stream holds no thread: `destroy()`
 * ends it.
 */
export async function openInput(path: string, signal: AbortSignal): Promise<Readable> {
  signal.throwIfAborted();
  const opening = openOf(path, 'r');
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      releaseOpen(path);
      void opening.then(
        (descriptor) => {
          close(descriptor);
        },
        () => undefined,
      );
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort);
  });
  try {
    return readerOf(await Promise.race([opening, aborted]));
  } finally {
    signal.removeEventListener('abort', abort!);
  }
}

/**
 * Reads an open file. Where bytes may not come, the event loop waits for them: a thread would keep the process from
 * exiting.
 */
function readerOf(fd: number): Readable {
  if (isatty(fd)) return new ReadStream(fd);
  if (fstatSync(fd).isFIFO()) return new Socket({ fd, readable: true, writable: false });
  return createReadStream('', { fd });
}

/** Unblocks the thread that opens a FIFO for reading: opens it for writing, and closes it. */
function releaseOpen(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // No open for reading is pending (ENXIO), or the file is not a FIFO.
  }
}
