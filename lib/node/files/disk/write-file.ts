import { closeSync, constants, writeSync, writev } from 'node:fs';
import { NotRegularFileError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';
import { pipedIn } from '../../../piped.js';
import type { FolderHandle } from './held-folder.js';
import { creationError } from './system-error.js';
import { creationMode, setAttributes, type Attributes } from './attributes.js';
import { finalName, type Destination } from './destination.js';
import { temporaryName } from './temporary.js';

/** Windows lacks some of these flags. */
const {
  O_WRONLY,
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW = 0,
  O_NONBLOCK = 0,
} = constants as Partial<typeof constants> & Record<'O_WRONLY' | 'O_RDWR' | 'O_CREAT' | 'O_EXCL', number>;

/** Creates a file; fails where the name is taken. */
export const createFlags = O_WRONLY | O_CREAT | O_EXCL;
/** Creates a file that can be continued: it may be read again, to be verified. */
export const resumableFlags = O_RDWR | O_CREAT | O_EXCL;
/** Opens an existing part. Something else may have its name: no link is followed, and a FIFO does not block. */
export const continueFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;

/** Checks that a file may replace whatever has its name in the folder. @throws NotRegularFileError */
export function checkTarget(folder: FolderHandle, target: string, name: string): void {
  // The folder was opened a moment ago, so its entries are in memory: this does not wait for the disk.
  const existing = folder.lstat(target);
  if (existing === undefined || existing.isFile() || existing.isSymbolicLink()) return;
  throw new NotRegularFileError(`${quoted(name)} exists and is not a regular file.`, name);
}

/**
 * Writes a small file synchronously: creates it under a temporary name, writes the bytes, and renames it. Throws
 * FileErrors and the system's errors; no file is left after an error.
 */
export function writeWhole(bytes: Uint8Array, destination: Destination, name: string, attributes: Attributes): void {
  const folder = destination.hold();
  const target = finalName(destination);
  const temporary = temporaryName(target);
  let fd: number | undefined;
  try {
    fd = folder.open(temporary, createFlags, creationMode(attributes));
  } catch (error) {
    throw creationError(error, name);
  }
  try {
    folder.confirm(fd, temporary);
    if (destination.fresh !== true) checkTarget(folder, target, name);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
    setAttributes(
      {
        fd,
        byName: (use) => {
          use(folder, temporary);
        },
      },
      attributes,
    );
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

/**
 * Writes all buffers; the bytes of some may be in pipes. A disk that is nearly full takes a part of them, and fails at
 * the next write.
 */
export function writeFully(
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
  callback: (error: unknown) => void,
): void {
  const written = (error: unknown, count: number): void => {
    const left = error === null ? skip(buffers, count) : [];
    if (left.length === 0) callback(error);
    else writeFully(fd, left, position + count, callback);
  };
  const piped = pipedIn(buffers[0]!);
  if (piped !== undefined) {
    piped.writeTo(fd, position, (count) => {
      written(null, count);
    });
    return;
  }
  const next = buffers.findIndex((bytes) => pipedIn(bytes) !== undefined);
  writev(fd, next < 0 ? buffers : buffers.slice(0, next), position, written);
}

/** The buffers without their first `count` bytes. */
function skip(buffers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  let index = 0;
  while (index < buffers.length && buffers[index]!.length <= left) left -= buffers[index++]!.length;
  return index === buffers.length ? [] : [buffers[index]!.subarray(left), ...buffers.slice(index + 1)];
}
