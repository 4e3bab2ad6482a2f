import { fstat, fstatSync, read, readSync, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { FileIoError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';
import { maxSmallFileBytes } from '../../../bounds.js';
import { checkUnchanged, truncated } from './file-state.js';

const readOf = promisify(read);
const fstatOf = promisify(fstat);

/** The part of a file that is to be read. */
export interface ReadPart {
  /** Names the file in errors. */
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  /** The status of the file when it was opened. */
  readonly stats: Stats;
  /** True: appended bytes do not count as a change. Default false. */
  readonly growing?: boolean | undefined;
}

/**
 * Reads a part of an open file synchronously into `bytes`, which has the length of the part.
 *
 * @throws FileChangedError where the file changed meanwhile.
 */
export function readPartSync(fd: number, part: ReadPart, bytes: Uint8Array = new Uint8Array(part.length)): Uint8Array {
  const { path, offset, length, stats, growing = false } = part;
  for (let at = 0; at < length;) {
    const count = readSync(fd, bytes, at, length - at, offset + at);
    if (count === 0) throw truncated(path);
    at += count;
  }
  checkUnchanged(stats, fstatSync(fd), { path, end: offset + length, growing });
  return bytes;
}

/** {@link readPartSync}, on the thread pool. */
export async function readPart(fd: number, part: ReadPart): Promise<Uint8Array> {
  const { path, offset, length, stats, growing = false } = part;
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await readOf(fd, bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw truncated(path);
    at += bytesRead;
  }
  checkUnchanged(stats, await fstatOf(fd), { path, end: offset + length, growing });
  return bytes;
}

/**
 * Reads the content of a file of size 0. The files of procfs have one, which is made when they are read.
 *
 * @throws FileIoError where the content has more than 64 KiB, because its size cannot be announced.
 */
export function readSizelessSync(fd: number, path: string): Uint8Array {
  // Nearly all files of size 0 are empty: one call, and no memory.
  if (readSync(fd, probe, 0, 1, 0) === 0) return probe.subarray(0, 0);
  const bytes = new Uint8Array(maxSmallFileBytes + 1);
  let length = 0;
  while (length < bytes.length) {
    const count = readSync(fd, bytes, length, bytes.length - length, length);
    if (count === 0) return bytes.slice(0, length);
    length += count;
  }
  throw tooLarge(path);
}

/** {@link readSizelessSync}, on the thread pool. */
export async function readSizeless(fd: number, path: string): Promise<Uint8Array> {
  if (!(await hasContent(fd))) return probe.subarray(0, 0);
  const bytes = new Uint8Array(maxSmallFileBytes + 1);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await readOf(fd, bytes, length, bytes.length - length, length);
    if (bytesRead === 0) return bytes.slice(0, length);
    length += bytesRead;
  }
  throw tooLarge(path);
}

/** True for an open file with at least one byte, whatever its size says. */
export async function hasContent(fd: number): Promise<boolean> {
  return (await readOf(fd, probe, 0, 1, 0)).bytesRead > 0;
}

function tooLarge(path: string): FileIoError {
  return new FileIoError(
    `${quoted(path)} has no size and more than ${String(maxSmallFileBytes)} bytes. Copy it to a file, and send that.`,
    path,
  );
}

// The byte itself is never used.
const probe = new Uint8Array(1);
