/**
 * Turns requests for files into the items of a stream. Small files are read as a whole, several at once and ahead of
 * the credit, so that a folder of them costs no round trip and no wait for each file.
 */

import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { FileError } from '../../../files/file-error.js';
import type { FileItem } from '../../../files/file-item.js';
import type { FileProgress, FileRegion } from '../../../files/file-region.js';
import type { WantedFile } from '../../../files/file-routes.js';
import { maxSmallFileBytes } from '../../../bounds.js';
import { diskPace } from '../disk/disk-pace.js';
import { fileRegion } from './file-region.js';
import { packPart } from './folder-part.js';
import { lookAhead } from './look-ahead.js';
import { isSame } from './file-state.js';
import { readPart, readPartSync, readSizeless, readSizelessSync } from './read-part.js';
import type { SlotPool, ReleaseSlot } from '../disk/slot-pool.js';
import type { OpenFile } from '../disk/open-file.js';
import type { RootFolder } from '../folder/root-folder.js';
import { toFileError } from '../disk/system-error.js';
import { withValidPaths } from './stream-path.js';
import { mayBeSizeless, offsetOf, partOf, type Part } from './wanted-part.js';
import { filesIn, walk, type OneFile, type Walked } from '../folder/walk-folder.js';

/** Time, in ms, after which files that are ready synchronously give the event loop a turn. */
const turnMs = 4;

/** A file, or a part of a folder, of which items are made. */
type Entry = OneFile | Walked;

/** A file that is not small. It is opened when its turn comes, so that a stream has one such file open at a time. */
interface LargeFile extends OneFile {
  /** The status and the offset that were found when the file was first opened. Valid while the file is the same. */
  readonly known?: { readonly stats: Stats; readonly offset: number };
}

/** The items of a prepared entry, and its files that are sent as regions. */
interface Prepared {
  readonly items: readonly FileItem[];
  readonly large: readonly LargeFile[];
}

/** Is notified of the progress and of the failures of a stream of files. */
export interface FilesObserver {
  /** Called for files that are not small. */
  progress?(progress: FileProgress): void;
  /** A file cannot be read; the peer gets the error, too. */
  failed?(error: FileError): void;
}

/** On whose behalf files are opened, and with which limits. */
export interface FilesUser {
  /** Ends waits and hashes. Default: none. */
  readonly signal?: AbortSignal;
  /** The peer. Default: this side. */
  readonly peer?: string;
  /** Slots for open files. Default: no limit. */
  readonly files?: SlotPool;
  /** Slots for walks through folders. Default: no limit. */
  readonly walks?: SlotPool;
  /** Replaces the region of each file that is not small, for instance to limit its rate. Default: none. */
  readonly wrap?: (region: FileRegion) => FileRegion;
}

/** What the steps of one stream share. */
interface Source {
  readonly root: RootFolder;
  readonly observer: FilesObserver;
  readonly user: FilesUser;
}

/**
 * The items of a stream of files, with a region for each file that is not small. A file that cannot be read becomes an
 * item `error`, and the next one follows.
 */
export async function* filesOf(
  root: RootFolder,
  wanted: AsyncIterable<WantedFile>,
  observer: FilesObserver = {},
  user: FilesUser = {},
): AsyncGenerator<FileItem | FileRegion> {
  const source: Source = { root, observer, user };
  const files = lookAhead(
    entriesOf(source, wanted),
    (entry) => prepare(source, entry),
    (entry) => ('names' in entry ? entry.names.length : 1),
  );
  let turn = performance.now();
  for await (const { items, large } of files) {
    yield* items;
    for (const entry of large) yield* largeFile(source, entry);
    // Files in the page cache are ready synchronously: without a pause, as many as there is credit for block the event
    // loop.
    if (performance.now() - turn > turnMs) {
      await setImmediate();
      turn = performance.now();
    }
  }
}

async function* largeFile(source: Source, entry: LargeFile): AsyncGenerator<FileItem | FileRegion> {
  const { root, observer, user } = source;
  const { path, wanted, known } = entry;
  let release: ReleaseSlot | undefined;
  let file: OpenFile | undefined;
  try {
    let region: FileRegion;
    try {
      release = await slotOf(user);
      file = await root.openFile(entry.real ?? (await root.resolve(wanted.path)), path);
      const offset =
        known !== undefined && isSame(known.stats, file.stats) ? known.offset : await offsetOf(file, wanted, user);
      region = toRegion(file, partOf(file, path, offset, wanted), observer, user);
    } catch (error) {
      yield errorItem(toFileError(error, path), observer);
      return;
    }
    // The region has been sent when the next item is requested.
    yield region;
  } finally {
    file?.close();
    release?.();
  }
}

/** Takes a slot for an open file, if there is a limit. */
function slotOf({ files, peer = '', signal }: FilesUser): ReleaseSlot | Promise<ReleaseSlot> {
  return files === undefined ? noSlot : files.take(peer, signal);
}

function noSlot(): void {
  // There is no limit.
}

async function* entriesOf(source: Source, wanted: AsyncIterable<WantedFile>): AsyncGenerator<Entry> {
  for await (const one of wanted) {
    const entries = one.recursive === true ? entriesIn(source, one) : [{ path: one.as ?? one.path, wanted: one }];
    // A path that was found is valid; one that a caller has made up may not be.
    const isFound = one.as === undefined && !one.path.endsWith('/');
    for await (const entry of entries) {
      if (isFound) yield entry;
      else yield* withValidPaths(entry);
    }
  }
}

async function* entriesIn({ root, user }: Source, wanted: WantedFile): AsyncGenerator<Entry> {
  let release: ReleaseSlot | undefined;
  try {
    release = await user.walks?.take(user.peer ?? '', user.signal);
    const real = await root.resolve(wanted.path);
    // Packs have no hashes, and no parts of files.
    const { hash, offset = 0, length } = wanted;
    const whole = hash === undefined && offset === 0 && length === undefined;
    for await (const entry of walk(root, real, wanted)) {
      if ('names' in entry && !whole) yield* filesIn(entry);
      else yield entry;
    }
  } catch (error) {
    yield { path: '', failure: toFileError(error, wanted.path) };
  } finally {
    release?.();
  }
}

async function prepare(source: Source, entry: Entry): Promise<Prepared> {
  const { root, observer, user } = source;
  if ('failure' in entry) return { items: [errorItem(entry.failure, observer)], large: [] };
  if ('folder' in entry) {
    const { path, stats } = entry;
    const attributes = stats === undefined ? {} : attributesOf(stats);
    const header: FileItem = { kind: 'header', path, size: 0, offset: 0, length: 0, ...attributes };
    return { items: [header, { kind: 'end', length: 0 }], large: [] };
  }
  let release: ReleaseSlot | undefined;
  try {
    release = await slotOf(user);
    if (!('names' in entry)) return await prepareOne(source, entry);
    const { failures, packs, large } = await packPart(root, entry);
    return { items: [...failures.map((failure) => errorItem(failure, observer)), ...packs], large };
  } catch (error) {
    const path = 'names' in entry ? entry.prefix : entry.path;
    return { items: [errorItem(toFileError(error, path), observer)], large: [] };
  } finally {
    release?.();
  }
}

/** The items of a small file. */
async function prepareOne({ root, user }: Source, entry: OneFile): Promise<Prepared> {
  const { path, wanted } = entry;
  const real = entry.real ?? (await root.resolve(wanted.path));
  if (wanted.have === undefined && diskPace.takeQuick()) {
    return diskPace.measure(() => {
      const file = root.openFileSync(real, path);
      try {
        const part = partOf(file, path, wanted.offset ?? 0, wanted);
        if (part.length > maxSmallFileBytes) return { items: [], large: [{ ...entry, real }] };
        return { items: toItems(file, part, contentSync(file, part)), large: [] };
      } finally {
        file.close();
      }
    });
  }
  const file = await root.openFile(real, path);
  try {
    const { stats } = file;
    const offset = await offsetOf(file, wanted, user);
    const part = partOf(file, path, offset, wanted);
    if (part.length > maxSmallFileBytes) return { items: [], large: [{ ...entry, real, known: { stats, offset } }] };
    return {
      items: toItems(file, part, await content(file, part)),
      large: [],
    };
  } finally {
    file.close();
  }
}

function content(file: OpenFile, part: Part): Promise<Uint8Array> {
  const { fd, stats } = file;
  return mayBeSizeless(file, part) ? readSizeless(fd, part.path) : readPart(fd, { ...part, stats });
}

/** {@link content}, without the thread pool. */
function contentSync(file: OpenFile, part: Part): Uint8Array {
  const { fd, stats } = file;
  return mayBeSizeless(file, part) ? readSizelessSync(fd, part.path) : readPartSync(fd, { ...part, stats });
}

function toRegion(file: OpenFile, part: Part, observer: FilesObserver, { wrap }: FilesUser): FileRegion {
  const { path, offset, length, hash, growing = false } = part;
  const region = fileRegion(file, { as: path, offset, length, growing, ...(hash === undefined ? {} : { hash }) });
  return (wrap?.(region) ?? region).observedBy({
    progress: (step) => {
      observer.progress?.(step);
    },
    failed: (error) => {
      observer.failed?.(toFileError(error, path));
    },
  });
}

function toItems({ stats }: OpenFile, { path, offset, hash }: Part, bytes: Uint8Array): FileItem[] {
  const { length } = bytes;
  const header: FileItem = {
    kind: 'header',
    path,
    size: Math.max(stats.size, length),
    offset,
    length,
    ...attributesOf(stats),
    ...(hash === undefined ? {} : { hash }),
  };
  const value = hash === undefined ? {} : { hash: new Uint8Array(createHash(hash).update(bytes).digest()) };
  const end: FileItem = { kind: 'end', length, ...value };
  return length === 0 ? [header, end] : [header, { kind: 'data', bytes }, end];
}

/** What a header says of a file or a folder beside its size. It cannot express a time before 1970. */
function attributesOf({ mode, mtimeMs }: Stats): { readonly mode: number; readonly mtime?: number } {
  return { mode: mode & 0o777, ...(mtimeMs >= 0 ? { mtime: Math.floor(mtimeMs) } : {}) };
}

function errorItem(error: FileError, observer: FilesObserver): FileItem {
  observer.failed?.(error);
  const { code, message } = error;
  return { kind: 'error', code, message };
}
