/**
 * Streams of files: what is wanted, one by one, becomes the items of the stream. Small files are read whole, several at
 * once and ahead of the credit, so that a folder of them costs no round trip and no wait for each.
 */

import { createHash } from 'node:crypto';
import { lstat, read, readdir, readdirSync, readSync, realpath, realpathSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { FileChangedError, FileConflictError, type FileError } from '../../files/file-error.js';
import type { FileItem } from '../../files/file-item.js';
import type { FileProgress, FileRegion } from '../../files/file-region.js';
import type { FileInfo, WantedFile } from '../../files/file-routes.js';
import { diskPace } from './disk-pace.js';
import { fileRegion } from './file-region.js';
import { lookAhead } from './look-ahead.js';
import type { OpenFile, RootFolder } from './root-folder.js';
import { toFileError } from './system-error.js';
import { hashOf, isTemporary } from './temporary.js';

/** Files that are read ahead of the credit. */
const filesAhead = 32;
/** Bytes of a file that is read whole, ahead. */
const smallBytes = 64 << 10;
/** How long files that are ready at once may follow each other before others have their turn, in ms. */
const turnMs = 4;

const readdirOf = promisify(readdir) as (path: string, options: { withFileTypes: true }) => Promise<Dirent[]>;
const lstatOf = promisify(lstat);
const realpathOf = promisify(realpath.native);
const readOf = promisify(read);

/** One file of the stream, before it is opened. */
type Leaf =
  | { readonly path: string; readonly wanted: WantedFile; /** Undefined: not followed yet. */ readonly real?: string }
  | { readonly path: string; readonly folder: true }
  | { readonly failure: FileError };

/** What is ready to be sent. */
type Ready = { readonly items: readonly FileItem[] } | { readonly file: OpenFile; readonly region: FileRegion };

/** Who hears how files are sent. */
export interface FilesObserver {
  /** For files that are not small. */
  progress?(progress: FileProgress): void;
  /** One that cannot be read: the other side is told too. */
  failed?(error: FileError): void;
}

/**
 * The items of a stream of files of a folder, and a region for each file that is not small. What cannot be read becomes an
 * item `error`, and the next one follows.
 */
export async function* filesOf(
  root: RootFolder,
  wanted: AsyncIterable<WantedFile>,
  observer: FilesObserver = {},
): AsyncGenerator<FileItem | FileRegion> {
  const files = lookAhead(leavesOf(root, wanted), (leaf) => prepare(root, leaf, observer), filesAhead, closeFile);
  let turn = performance.now();
  for await (const ready of files) {
    if ('items' in ready) yield* ready.items;
    else {
      try {
        // It is sent when the next item is asked for.
        yield ready.region;
      } finally {
        closeFile(ready);
      }
    }
    // Files in the memory of the system are ready at once: without this, so many as the credit allows hold up the loop.
    if (performance.now() - turn > turnMs) {
      await setImmediate();
      turn = performance.now();
    }
  }
}

function closeFile(ready: Ready): void {
  if ('file' in ready) ready.file.close();
}

/** The names in a folder with what they are; without files on their way. @throws FileError */
export async function entriesOf(real: string, path: string): Promise<Dirent[]> {
  try {
    const look = diskPace.quick
      ? diskPace.measure(() => ({
          entries: readdirSync(real, { withFileTypes: true }),
          now: realpathSync.native(real),
        }))
      : { entries: await readdirOf(real, { withFileTypes: true }), now: await realpathOf(real) };
    const { entries } = look;
    // Somebody may have put a link in its place meanwhile.
    if (look.now !== real) {
      throw new FileConflictError(`${JSON.stringify(path)} was replaced meanwhile. Try again.`, path);
    }
    return entries.filter(({ name }) => !isTemporary(name));
  } catch (error) {
    throw toFileError(error, path);
  }
}

/** All files of a folder, with their sizes and times, and with nothing that is no file. @throws FileError */
export async function* walkFiles(root: RootFolder): AsyncGenerator<Pick<FileInfo, 'path' | 'size' | 'mtime'>> {
  for await (const leaf of walk(root.path, '', { path: '' })) {
    if ('failure' in leaf) throw leaf.failure;
    if ('folder' in leaf) continue;
    const stats = await lstatOf(leaf.real!).catch(() => undefined);
    if (stats?.isFile() === true) yield { path: leaf.path, size: stats.size, mtime: Math.floor(stats.mtimeMs) };
  }
}

async function* leavesOf(root: RootFolder, wanted: AsyncIterable<WantedFile>): AsyncGenerator<Leaf> {
  for await (const one of wanted) {
    if (one.recursive !== true) {
      yield { path: one.as ?? one.path, wanted: one };
      continue;
    }
    try {
      const real = await root.resolve(one.path);
      yield* walk(real, '', one);
    } catch (error) {
      yield { failure: toFileError(error, one.path) };
    }
  }
}

async function* walk(real: string, path: string, wanted: WantedFile): AsyncGenerator<Leaf> {
  let entries: Dirent[];
  try {
    entries = await entriesOf(real, path === '' ? wanted.path : path);
  } catch (error) {
    yield { failure: toFileError(error, path) };
    return;
  }
  if (entries.length === 0 && path !== '') yield { path: `${path}/`, folder: true };
  for (const entry of entries) {
    const { name } = entry;
    const below = path === '' ? name : `${path}/${name}`;
    if (entry.isDirectory()) yield* walk(join(real, name), below, wanted);
    // Links, devices, FIFOs and sockets are no files.
    else if (entry.isFile()) yield { path: below, wanted, real: join(real, name) };
  }
}

async function prepare(root: RootFolder, leaf: Leaf, observer: FilesObserver): Promise<Ready> {
  if ('failure' in leaf) return failed(leaf.failure, observer);
  const { path } = leaf;
  if ('folder' in leaf) {
    return {
      items: [
        { kind: 'header', path, size: 0, offset: 0, length: 0 },
        { kind: 'end', length: 0 },
      ],
    };
  }
  const { wanted } = leaf;
  let file: OpenFile | undefined;
  try {
    const real = leaf.real ?? (await root.resolve(wanted.path));
    if (wanted.have === undefined && diskPace.quick) {
      return diskPace.measure(() => {
        file = root.openFileNow(real, path);
        const part = partOf(file, path, wanted.offset ?? 0, wanted);
        return part.length > smallBytes ? toRegion(file, part, observer) : toItems(file, part, readNow(file.fd, part));
      });
    }
    file = await root.openFile(real, path);
    const part = partOf(file, path, await offsetOf(file, wanted), wanted);
    return part.length > smallBytes
      ? toRegion(file, part, observer)
      : toItems(file, part, await readWhole(file.fd, part));
  } catch (error) {
    file?.close();
    return failed(toFileError(error, path), observer);
  }
}

/** What is to be sent of a file. */
interface Part {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly hash: 'sha256' | undefined;
}

async function offsetOf({ fd, stats }: OpenFile, { offset = 0, have }: WantedFile): Promise<number> {
  if (have === undefined) return offset;
  if (have.length > stats.size) return 0;
  const mine = await hashOf(fd, have.length);
  // What differs is sent from the start.
  return mine !== undefined && Buffer.compare(mine, have.sha256) === 0 ? have.length : 0;
}

function partOf({ stats }: OpenFile, path: string, offset: number, { length, hash }: WantedFile): Part {
  const part = { path, offset, length: length ?? Math.max(0, stats.size - offset), hash };
  const counts = [part.offset, part.length].every((value) => Number.isSafeInteger(value) && value >= 0);
  if (!counts || offset > stats.size || part.length > stats.size - offset) {
    throw new FileConflictError(
      `${JSON.stringify(path)} has ${String(stats.size)} bytes, not ${String(part.length)} from ${String(offset)} on.`,
      path,
    );
  }
  return part;
}

function toRegion(file: OpenFile, { path, offset, length, hash }: Part, observer: FilesObserver): Ready {
  const region = fileRegion(file, { as: path, offset, length, ...(hash === undefined ? {} : { hash }) });
  const observed = region.observedBy({
    progress: (step) => {
      observer.progress?.(step);
    },
    failed: (error) => {
      observer.failed?.(toFileError(error, path));
    },
  });
  return { file, region: observed };
}

function toItems(file: OpenFile, { path, offset, length, hash }: Part, bytes: Uint8Array): Ready {
  file.close();
  const { size } = file.stats;
  const { mtimeMs, mode } = file.stats;
  const header: FileItem = {
    kind: 'header',
    path,
    size,
    offset,
    length,
    mode: mode & 0o777,
    // A time before 1970 has no form in a header.
    ...(mtimeMs >= 0 ? { mtime: Math.floor(mtimeMs) } : {}),
    ...(hash === undefined ? {} : { hash }),
  };
  const value = hash === undefined ? {} : { hash: new Uint8Array(createHash(hash).update(bytes).digest()) };
  const end: FileItem = { kind: 'end', length, ...value };
  return { items: length === 0 ? [header, end] : [header, { kind: 'data', bytes }, end] };
}

function readNow(fd: number, { path, offset, length }: Part): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = readSync(fd, bytes, at, length - at, offset + at);
    if (count === 0) throw truncated(path);
    at += count;
  }
  return bytes;
}

async function readWhole(fd: number, { path, offset, length }: Part): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await readOf(fd, bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw truncated(path);
    at += bytesRead;
  }
  return bytes;
}

function truncated(path: string): FileChangedError {
  return new FileChangedError(`${JSON.stringify(path)} became shorter while it was read. Read it again.`, path);
}

function failed(error: FileError, observer: FilesObserver): Ready {
  observer.failed?.(error);
  const { code, message } = error;
  return { items: [{ kind: 'error', code, message }] };
}
