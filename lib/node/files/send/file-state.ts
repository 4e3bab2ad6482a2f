import type { Stats } from 'node:fs';
import { FileChangedError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';

/** The fields of a status that distinguish the states of a file. */
export type FileState = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino' | 'nlink'>;

/** The range of a file that was read. */
export interface ReadRange {
  /** Names the file in errors. */
  readonly path: string;
  /** The first byte after the range. */
  readonly end: number;
  /** True: appended bytes do not count as a change. */
  readonly growing: boolean;
}

/**
 * Checks that the bytes which were read of an open file between two statuses are of one state of the file.
 *
 * The time of the inode (ctime) reveals a writer that sets the time of the last change back. It also changes when a
 * name of the file is removed or given to another file: then the number of names has changed, and the bytes have not.
 *
 * @throws FileChangedError
 */
export function checkUnchanged(before: FileState, after: FileState, { path, end, growing }: ReadRange): void {
  if (after.size < end) throw truncated(path);
  if (growing) return;
  if (isSame(before, after)) return;
  throw new FileChangedError(
    `${quoted(path)} was written to while it was sent. Send it again; replace files by renaming, not in place.`,
    path,
  );
}

/** True: the file was not written to between the two statuses. */
export function isSame(before: FileState, after: FileState): boolean {
  const written = after.size !== before.size || after.mtimeMs !== before.mtimeMs || after.ino !== before.ino;
  return !written && (after.ctimeMs === before.ctimeMs || after.nlink !== before.nlink);
}

/** The error for a file that was truncated. */
export function truncated(path: string): FileChangedError {
  return new FileChangedError(
    `${quoted(path)} was truncated while it was sent. Send it again; replace files by renaming, not in place.`,
    path,
  );
}
