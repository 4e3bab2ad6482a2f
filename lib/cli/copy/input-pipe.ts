import { mkdtemp, open, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { openInput } from '../paths/open-input.js';

/** What came from a pipe, in a file. */
export interface Spooled {
  readonly path: string;
  readonly size: number;
  remove(): Promise<void>;
}

/**
 * Writes all that comes from a pipe to a file in a folder that only this user can enter. `source`: its path; undefined
 * for standard input. The file itself has the mode that the umask gives, because the copy gets the mode of its
 * original. Errors: the system's; the reason of the signal. Nothing is left after one.
 */
export async function spool(source: string | undefined, signal: AbortSignal): Promise<Spooled> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'rxgrid-cp-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const path = join(folder, 'input');
  let input: Readable | undefined;
  const abort = (): void => {
    input?.destroy(signal.reason as Error);
  };
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    input = source === undefined ? process.stdin : await openInput(source, signal);
    const file = await open(path, 'wx', 0o666);
    let size = 0;
    try {
      for await (const chunk of input as AsyncIterable<Uint8Array>) {
        await file.writeFile(chunk);
        size += chunk.length;
      }
    } finally {
      await file.close();
    }
    return { path, size, remove };
  } catch (error) {
    await remove();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
