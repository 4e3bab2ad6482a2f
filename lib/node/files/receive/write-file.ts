import { closeSync, constants, fchmodSync, futimesSync, readFileSync, writeSync, writev } from 'node:fs';
import { dirname, sep } from 'node:path';
import { NotRegularFileError } from '../../../files/file-error.js';
import { NamedFolder, type FolderHandle } from '../folder/held-folder.js';
import { quoted } from '../../../files/peer-path.js';
import { temporaryName } from './temporary.js';

/** Where a file is written to. */
export interface Place {
  /** The final path. */
  readonly path: string;
  /** Opens its folder, and checks where it is. Who calls closes it. @throws FileError */
  open(): FolderHandle;
  /** Its folder for this turn of the event loop alone; who calls does not close it. @throws FileError */
  hold(): FolderHandle;
  /** True: its folder was made for this transfer, so that nothing else has the name. */
  readonly fresh?: boolean;
}

/** The place of a path of this side's user, which may lead anywhere. */
export function placeAt(path: string): Place {
  const open = (): FolderHandle => new NamedFolder(dirname(path));
  return { path, open, hold: open };
}

/** The last part of a place's path. */
export function nameAt({ path }: Place): string {
  return path.slice(path.lastIndexOf(sep) + 1);
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
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW = 0,
  O_NONBLOCK = 0,
} = constants as Partial<typeof constants> & Record<'O_WRONLY' | 'O_RDWR' | 'O_CREAT' | 'O_EXCL', number>;
const permissions = 0o777;

/** Opens a name that nothing has. */
export const createFlags = O_WRONLY | O_CREAT | O_EXCL;
/** Opens a name that nothing has, of a file that can be continued: it may be read again, to be checked. */
export const resumableFlags = O_RDWR | O_CREAT | O_EXCL;
/** Opens what is there. Something else may have the name: no link is followed, and no FIFO waited for. */
export const continueFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;
/** Permission bits of a file that can be continued, until it is whole. */
export const partMode = 0o600;

/** The permission bits to open a file with. Never more: set-uid is not for who sends a file to say. */
export function openMode({ mode, defaultMode = 0o666 }: Attributes): number {
  return (mode ?? defaultMode) & permissions;
}

/** Checks that a file may replace what has its name in the folder. @throws NotRegularFileError */
export function checkTarget(folder: FolderHandle, target: string, name: string): void {
  // The folder was read a moment ago, for `open`: this waits for no disk.
  const there = folder.look(target);
  if (there === undefined || there.isFile() || there.isSymbolicLink()) return;
  throw new NotRegularFileError(`${quoted(name)} is there already, and is no regular file.`, name);
}

/** Gives an open file its attributes. `wasPart`: it was opened with {@link partMode}. */
export function setAttributes(fd: number, { mode, defaultMode = 0o666, mtime }: Attributes, wasPart = false): void {
  if (mode !== undefined) fchmodSync(fd, mode & permissions);
  else if (wasPart) fchmodSync(fd, defaultMode & permissions & ~umask());
  // Who resumes a folder recognises a whole file by its size and time. In seconds a whole number of ms would be rounded
  // down: a µs more keeps it.
  if (mtime !== undefined) futimesSync(fd, (mtime + 0.001) / 1_000, (mtime + 0.001) / 1_000);
}

/** The whole way of a small file at once. Throws the system's errors, and then leaves nothing. */
export function writeWhole(bytes: Uint8Array, place: Place, name: string, attributes: Attributes): void {
  const folder = place.hold();
  const target = nameAt(place);
  const temporary = temporaryName(target);
  let fd: number | undefined = folder.create(temporary, createFlags, openMode(attributes));
  try {
    folder.confirm(fd, temporary);
    if (place.fresh !== true) checkTarget(folder, target, name);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
    setAttributes(fd, attributes);
    const open = fd;
    fd = undefined;
    closeSync(open);
    folder.rename(temporary, target);
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

/** Where it cannot be known: for the owner alone. */
const strictUmask = 0o077;

/** What the system takes away from the permission bits of a new file. */
function umask(): number {
  try {
    // Node's own function sets it for a moment, which other threads would see.
    const found = /^Umask:\s*([0-7]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (found !== undefined) return parseInt(found, 8);
  } catch {
    // Of Linux alone.
  }
  // Asking Node would change it for a moment, for all threads.
  return strictUmask;
}
