/**
 * Streams of files: what is wanted, one by one, becomes the items of the stream. Small files are read whole, several at
 * once and ahead of the credit, so that a folder of them costs no round trip and no wait for each.
 */

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { FileConflictError, type FileError } from '../../../files/file-error.js';
import type { FileItem } from '../../../files/file-item.js';
import type { FileProgress, FileRegion } from '../../../files/file-region.js';
import type { WantedFile } from '../../../files/file-routes.js';
import { maxSmallFileBytes } from '../../../limits.js';
import { diskPace } from '../receive/disk-pace.js';
import { fileRegion } from './file-region.js';
import { packPart } from '../folder/folder-part.js';
import { lookAhead } from './look-ahead.js';
import { readNow, readWhole } from './read-part.js';
import type { OpenFile } from '../folder/open-file.js';
import type { RootFolder } from '../folder/root-folder.js';
import { toFileError } from '../folder/system-error.js';
import { hashOf } from '../receive/temporary.js';
import { filesIn, walk, type OneFile, type Walked } from '../folder/walk-folder.js';

/** How long files that are ready at once may follow each other before others have their turn, in ms. */
const turnMs = 4;

/** What is to be made ready. */
type Leaf = OneFile | Walked;

/** What is ready to be sent. */
type Ready =
  | { readonly items: readonly FileItem[]; readonly large?: readonly OneFile[] }
  | { readonly file: OpenFile; readonly region: FileRegion };

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
  const files = lookAhead(
    leavesOf(root, wanted),
    (leaf) => prepare(root, leaf, observer),
    (leaf) => ('names' in leaf ? leaf.names.length : 1),
    closeFile,
  );
  let turn = performance.now();
  for await (const ready of files) {
    yield* inOrder(ready);
    if ('large' in ready) for (const leaf of ready.large) yield* inOrder(await prepare(root, leaf, observer));
    // Files in the memory of the system are ready at once: without this, so many as the credit allows hold up the loop.
    if (performance.now() - turn > turnMs) {
      await setImmediate();
      turn = performance.now();
    }
  }
}

async function* inOrder(ready: Ready): AsyncGenerator<FileItem | FileRegion> {
  if ('items' in ready) {
    yield* ready.items;
    return;
  }
  try {
    // It is sent when the next item is asked for.
    yield ready.region;
  } finally {
    closeFile(ready);
  }
}

function closeFile(ready: Ready): void {
  if ('file' in ready) ready.file.close();
}

async function* leavesOf(root: RootFolder, wanted: AsyncIterable<WantedFile>): AsyncGenerator<Leaf> {
  for await (const one of wanted) {
    if (one.recursive !== true) {
      yield { path: one.as ?? one.path, wanted: one };
      continue;
    }
    try {
      const real = await root.resolve(one.path);
      // A hash comes with the end of a file, and parts of files are no whole ones.
      const { hash, offset = 0, length } = one;
      const whole = hash === undefined && offset === 0 && length === undefined;
      for await (const leaf of walk(root, real, one)) {
        if ('names' in leaf && !whole) yield* filesIn(leaf);
        else yield leaf;
      }
    } catch (error) {
      yield { failure: toFileError(error, one.path) };
    }
  }
}

async function prepare(root: RootFolder, leaf: Leaf, observer: FilesObserver): Promise<Ready> {
  if ('failure' in leaf) return failed(leaf.failure, observer);
  if ('names' in leaf) {
    const { failures, packs, large } = await packPart(root, leaf);
    return { items: [...failures.map((failure) => errorItem(failure, observer)), ...packs], large };
  }
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
        return part.length > maxSmallFileBytes
          ? toRegion(file, part, observer)
          : toItems(file, part, readNow(file.fd, part));
      });
    }
    file = await root.openFile(real, path);
    const part = partOf(file, path, await offsetOf(file, wanted), wanted);
    return part.length > maxSmallFileBytes
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

function failed(error: FileError, observer: FilesObserver): Ready {
  return { items: [errorItem(error, observer)] };
}

function errorItem(error: FileError, observer: FilesObserver): FileItem {
  observer.failed?.(error);
  const { code, message } = error;
  return { kind: 'error', code, message };
}
