import { FileConflictError, FileIoError } from '../../../files/file-error.js';
import type { WantedFile } from '../../../files/file-routes.js';
import { quoted } from '../../../files/peer-path.js';
import type { OpenFile } from '../folder/open-file.js';
import { hashFile, type HashRequest } from '../receive/hash-file.js';

/** True for all of a file of size 0, which may have content all the same. */
export function isWholeOfNothing({ stats }: OpenFile, { asked }: Part): boolean {
  return stats.size === 0 && asked === undefined;
}

/** What is to be sent of a file. */
export interface Part {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly hash: 'sha256' | undefined;
  readonly growing: boolean | undefined;
  /** The length that was asked for. */
  readonly asked: number | undefined;
}

/** Where sending begins: behind what the other side has, where that is the beginning of the file. */
export async function offsetOf(
  { fd, stats }: OpenFile,
  { offset = 0, have }: WantedFile,
  { signal, peer }: Pick<HashRequest, 'signal' | 'peer'>,
): Promise<number> {
  if (have === undefined) return offset;
  if (have.length > stats.size) return 0;
  const mine = await hashFile({ fd, length: have.length, signal, peer });
  // What differs is sent from the start.
  return mine !== undefined && Buffer.compare(mine, have.sha256) === 0 ? have.length : 0;
}

/** What is to be sent of a file. @throws FileConflictError, FileIoError */
export function partOf({ stats }: OpenFile, path: string, offset: number, { length, hash, growing }: WantedFile): Part {
  checkHash(path, hash);
  const part: Part = { path, offset, length: length ?? Math.max(0, stats.size - offset), hash, growing, asked: length };
  if (offset > stats.size || part.length > stats.size - offset) {
    throw new FileConflictError(
      `${quoted(path)} has ${String(stats.size)} bytes, not ${String(part.length)} from ${String(offset)} on.`,
      path,
    );
  }
  return part;
}

/** @throws FileIoError for a hash that is not known here: the other side may ask for any. */
function checkHash(path: string, hash: string | undefined): void {
  if (hash === undefined || hash === 'sha256') return;
  throw new FileIoError(`${quoted(path)}: this host knows no hash ${quoted(hash)}. Ask for sha256, or for none.`, path);
}
