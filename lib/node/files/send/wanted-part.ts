import { FileConflictError, FileIoError } from '../../../files/file-error.js';
import type { WantedFile } from '../../../files/file-routes.js';
import { quoted } from '../../../files/peer-path.js';
import type { OpenFile } from '../disk/open-file.js';
import { hashFile, type HashRequest } from '../disk/hash-file.js';

/** True where the whole of a file of size 0 is wanted: a file of procfs may have content all the same. */
export function mayBeSizeless({ stats }: OpenFile, { asked }: Part): boolean {
  return stats.size === 0 && asked === undefined;
}

/** The part of a file that is to be sent. */
export interface Part {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly hash: 'sha256' | undefined;
  readonly growing: boolean | undefined;
  /** The requested length. */
  readonly asked: number | undefined;
}

/** The first byte to send: after those that the caller has, where they are the beginning of the file. */
export async function offsetOf(
  { fd, stats }: OpenFile,
  { offset = 0, have }: WantedFile,
  { signal, peer }: Pick<HashRequest, 'signal' | 'peer'>,
): Promise<number> {
  if (have === undefined) return offset;
  if (have.length > stats.size) return 0;
  const own = await hashFile({ fd, length: have.length, signal, peer });
  // Where the bytes differ, the whole file is sent.
  return own !== undefined && Buffer.compare(own, have.sha256) === 0 ? have.length : 0;
}

/** The part of a file that a request wants. @throws FileConflictError, FileIoError */
export function partOf({ stats }: OpenFile, path: string, offset: number, { length, hash, growing }: WantedFile): Part {
  checkHash(path, hash);
  const part: Part = { path, offset, length: length ?? Math.max(0, stats.size - offset), hash, growing, asked: length };
  if (offset > stats.size || part.length > stats.size - offset) {
    throw new FileConflictError(
      `${quoted(path)} has ${String(stats.size)} bytes, so it lacks ${String(part.length)} bytes from offset ${String(offset)} on. Ask for a part that it has.`,
      path,
    );
  }
  return part;
}

/** @throws FileIoError for an unknown hash: a peer may request any. */
function checkHash(path: string, hash: string | undefined): void {
  if (hash === undefined || hash === 'sha256') return;
  throw new FileIoError(
    `${quoted(path)}: this host does not know the hash ${quoted(hash)}. Ask for sha256, or for none.`,
    path,
  );
}
