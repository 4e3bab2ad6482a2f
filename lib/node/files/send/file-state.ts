import type { Stats } from 'node:fs';
import { FileChangedError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';

/** What tells one state of a file from another one. */
export type FileState = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino' | 'nlink'>;

/** A part of a file that was read. */
export interface ReadRange {
  /** Names the file in errors. */
  readonly path: string;
  /** The first byte behind the part. */
  readonly end: number;
  /** True: what is appended meanwhile is no change. */
  readonly growing: boolean;
}

/**
 * Checks that what was read of an open file between two states is one state of it.
 *
 * The time of the inode (ctime) finds who writes and then sets the time of the last change back. It also moves when a name
 * of the file is removed, or taken by another file: then the number of its names has changed, and the bytes have not.
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

/** True for two looks at one file between which nobody wrote to it. */
export function isSame(before: FileState, after: FileState): boolean {
  const written = after.size !== before.size || after.mtimeMs !== before.mtimeMs || after.ino !== before.ino;
  return !written && (after.ctimeMs === before.ctimeMs || after.nlink !== before.nlink);
}

/** The error for a file that has become shorter. */
export function truncated(path: string): FileChangedError {
  return new FileChangedError(
    `${quoted(path)} was truncated while it was sent. Send it again; replace files by renaming, not in place.`,
    path,
  );
}
