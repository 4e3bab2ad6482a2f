import { chmodSync, fchmodSync, fstatSync, futimesSync, lutimesSync, readFileSync } from 'node:fs';
import type { FileHeader } from '../../../files/file-item.js';
import type { FolderHandle } from './held-folder.js';
import { quoted } from '../../../files/peer-path.js';
import { FileConflictError } from '../../../files/file-error.js';

/** The attributes of a file that are transferred with its bytes. */
export interface Attributes {
  /** Permission bits, whatever the umask says. */
  readonly mode: number | undefined;
  /** Permission bits to which the umask applies; used where `mode` is undefined. */
  readonly defaultMode: number | undefined;
  /** Time of the last change, in ms since the epoch. */
  readonly mtime: number | undefined;
}

/** An open file that also has a name. */
export interface NamedFile {
  readonly fd: number;
  /** Runs `use` with the folder and the name that the file has at the moment. */
  byName(use: (folder: FolderHandle, name: string) => void): void;
}

/** The permission bits that a sender may set: not set-uid, set-gid and sticky. */
export const permissionBits = 0o777;
/**
 * Permission bits of a file that can be continued, until it is whole: the mode of a read-only original comes at the
 * end.
 */
export const partMode = 0o600;
const defaultFileMode = 0o666;

/** The attributes of a received file: `mode` and `preserve` as in `ReceiveFileOptions`. */
export function attributesOf(
  { mode: sent, mtime }: Pick<FileHeader, 'mode' | 'mtime'>,
  { mode, preserve = false }: { readonly mode?: number | undefined; readonly preserve?: boolean | undefined },
): Attributes {
  return { mode: mode ?? (preserve ? sent : undefined), defaultMode: sent, mtime };
}

/** The permission bits to create a file with. */
export function creationMode({ mode, defaultMode = defaultFileMode }: Attributes): number {
  return (mode ?? defaultMode) & permissionBits;
}

/** Gives an open file its attributes. `wasPart`: it was created with {@link partMode}. Throws the system's errors. */
export function setAttributes(file: NamedFile, attributes: Attributes, wasPart = false): void {
  const { mode, defaultMode = defaultFileMode, mtime } = attributes;
  if (mode !== undefined) setMode(file, mode & permissionBits);
  else if (wasPart) setMode(file, defaultMode & permissionBits & ~umask());
  if (mtime !== undefined) setTime(file, secondsOf(mtime));
}

/** A time in seconds. A double in seconds may be rounded down to the ms before: a µs more keeps the ms. */
export function secondsOf(ms: number): number {
  return (ms + 0.001) / 1_000;
}

function setMode(file: NamedFile, mode: number): void {
  try {
    fchmodSync(file.fd, mode);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    changeByName(file, (path) => {
      chmodSync(path, mode);
    });
  }
}

function setTime(file: NamedFile, seconds: number): void {
  try {
    futimesSync(file.fd, seconds, seconds);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    changeByName(file, (path) => {
      lutimesSync(path, seconds, seconds);
    });
  }
}

/** Node's permission model forbids what works on descriptors alone; by name it is allowed. */
function isForbidden(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED';
}

/** Changes a file by its name, which must still be that of the open file. */
function changeByName(file: NamedFile, change: (path: string) => void): void {
  file.byName((folder, name) => {
    const [open, named] = [fstatSync(file.fd), folder.lstat(name)];
    if (named?.isFile() !== true || named.ino !== open.ino || named.dev !== open.dev) {
      throw new FileConflictError(`${quoted(name)} was replaced while it was written. Send it again.`, name);
    }
    change(folder.at(name));
  });
}

/** The umask where it cannot be known: the file is for its owner alone. */
const strictUmask = 0o077;

/** The permission bits that the system takes away from new files. */
function umask(): number {
  try {
    // process.umask() changes the umask for a moment, and other threads would see that.
    const found = /^Umask:\s*([0-7]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (found !== undefined) return parseInt(found, 8);
  } catch {
    // Only Linux has this file.
  }
  return strictUmask;
}
