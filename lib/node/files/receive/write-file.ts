import { closeSync, constants, fchmodSync, futimesSync, writeSync, writev } from 'node:fs';
import { sep } from 'node:path';
import { NotRegularFileError } from '../../../files/file-error.js';
import { byPath, type TargetFolder } from '../folder/held-folder.js';
import { temporaryPath } from './temporary.js';

/** Where a file is written to. */
export interface Place {
  /** The final name. */
  readonly path: string;
  /** Called with the open temporary file; what it throws fails the job. */
  check?(fd: number, temporary: string): void;
  /** Its folder, where it can be held open and was looked at, for this turn of the event loop. @throws FileError */
  hold?(): TargetFolder | undefined;
  /** True: its folder was made for this transfer, so that nothing else has the name. */
  readonly fresh?: boolean;
}

/** What a file has beside its bytes. */
export interface Attributes {
  /** Permission bits, whatever the umask says. */
  readonly mode: number | undefined;
  /** Permission bits as far as the umask lets them. */
  readonly defaultMode: number | undefined;
  /** Time of the last change, in ms. */
  readonly mtime: number | undefined;
}

/** Windows has not all of them. */
const {
  O_WRONLY,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW = 0,
  O_NONBLOCK = 0,
} = constants as Partial<typeof constants> & Record<'O_WRONLY' | 'O_CREAT' | 'O_EXCL', number>;
const permissions = 0o777;

/** Opens a name that nothing has. */
export const createFlags = O_WRONLY | O_CREAT | O_EXCL;
/** Opens what may be there. Something else may have the name: no link is followed, and no FIFO waited for. */
export const continueFlags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK;

/** The permission bits to open a file with. Never more: set-uid is not for who sends a file to say. */
export function openMode({ mode, defaultMode = 0o666 }: Attributes): number {
  return (mode ?? defaultMode) & permissions;
}

/** Looks whether a file may replace what has its name. @throws NotRegularFileError */
export function checkTarget(path: string, name: string, folder: TargetFolder = byPath): void {
  // The folder was read a moment ago, for `open`: this waits for no disk.
  const target = folder.look(path);
  if (target === undefined || target.isFile() || target.isSymbolicLink()) return;
  throw new NotRegularFileError(`${JSON.stringify(name)} is there already, and is no regular file.`, name);
}

/** Gives an open file its attributes. */
export function setAttributes(fd: number, { mode, mtime }: Attributes): void {
  if (mode !== undefined) fchmodSync(fd, mode & permissions);
  // Who resumes a folder recognises a whole file by its size and time. In seconds a whole number of ms would be rounded
  // down: a µs more keeps it.
  if (mtime !== undefined) futimesSync(fd, (mtime + 0.001) / 1_000, (mtime + 0.001) / 1_000);
}

/** The whole way of a small file at once. Throws the system's errors, and then leaves nothing. */
export function writeWhole(bytes: Uint8Array, place: Place, name: string, attributes: Attributes): void {
  const held = place.hold?.();
  const folder = held ?? byPath;
  const path = held === undefined ? place.path : place.path.slice(place.path.lastIndexOf(sep) + 1);
  const temporary = temporaryPath(path);
  let fd: number | undefined = folder.create(temporary, createFlags, openMode(attributes));
  try {
    if (held === undefined) place.check?.(fd, temporary);
    if (place.fresh !== true) checkTarget(path, name, folder);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
    setAttributes(fd, attributes);
    const open = fd;
    fd = undefined;
    closeSync(open);
    folder.rename(temporary, path);
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    folder.remove(temporary);
    throw error;
  }
}

/** Writes all buffers. A disk that is nearly full takes a part first, and says so at the next write. */
export function writeFully(
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
  callback: (error: unknown) => void,
): void {
  writev(fd, buffers, position, (error, count) => {
    const left = error === null ? skip(buffers, count) : [];
    if (left.length === 0) callback(error);
    else writeFully(fd, left, position + count, callback);
  });
}

/** What is left of buffers after so many bytes. */
function skip(buffers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  let index = 0;
  while (index < buffers.length && buffers[index]!.length <= left) left -= buffers[index++]!.length;
  return index === buffers.length ? [] : [buffers[index]!.subarray(left), ...buffers.slice(index + 1)];
}
