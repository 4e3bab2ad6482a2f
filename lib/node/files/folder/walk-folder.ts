/**
 * Walks a folder and the folders below it, in chunks. The names of a folder are read as chunks are taken, and are never
 * all in memory: a folder stays open while its files are handled, and then the folders of the names that were read.
 */

import { lstatSync, opendir, opendirSync, type Dir, type Dirent, type Stats } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FileIoError, FilePathError, type FileError } from '../../../files/file-error.js';
import type { WantedFile } from '../../../files/file-routes.js';
import { isOwnName, quoted } from '../../../files/peer-path.js';
import { maxFolderNames, maxOpenFiles, maxOpenFolders, maxPathLevels } from '../../../bounds.js';
import { diskPace } from '../disk/disk-pace.js';
import type { FolderHandle } from '../disk/held-folder.js';
import type { RootFolder } from './root-folder.js';
import { isUndecodable, toFileError, undecodableName } from '../disk/system-error.js';

const opendirOf = promisify(opendir) as (path: string, options: { bufferSize: number }) => Promise<Dir>;

/** A file of a stream, before it is opened. */
export interface OneFile {
  readonly path: string;
  readonly wanted: WantedFile;
  /** The real path; undefined: its symbolic links are not followed yet. */
  readonly real?: string;
}

/** Some files of one folder, each of which is wanted as a whole. */
export interface FolderPart {
  readonly real: string;
  /** Precedes the names in the stream. */
  readonly prefix: string;
  readonly names: readonly string[];
  readonly wanted: WantedFile;
}

/** What a walk yields: files of a folder, a folder of which the stream has a header, or what cannot be read. */
export type Walked = FolderPart | WalkedFolder | Unread;

/** A folder that is empty, or whose attributes are wanted. */
export interface WalkedFolder {
  /** In the stream, with a slash at the end. */
  readonly path: string;
  readonly folder: true;
  readonly stats: Stats | undefined;
}

/** A folder that cannot be read, or an entry whose name is not UTF-8. `path`: as that of a {@link Chunk}. */
export interface Unread {
  readonly path: string;
  /** True: the name is not UTF-8. */
  readonly isName?: true;
  readonly failure: FileError;
}

/** Some entries of a folder. */
export interface Chunk {
  /** The folder, open until the next chunk is asked for. */
  readonly folder: FolderHandle;
  readonly real: string;
  /** The path of the folder relative to the one that the walk began with. */
  readonly path: string;
  /** True for the first chunk of a folder. */
  readonly first: boolean;
  /** Empty only where the folder is empty. */

  readonly entries: readonly Dirent[];
}

/** Options of a walk. */
export interface WalkOptions {
  /** The real path of the folder where the walk begins. */
  readonly real: string;
  /** Names the folder in errors. */
  readonly name: string;
  readonly recursive: boolean;
  /** Entries of a chunk, at most. */
  readonly chunkEntries: number;
  /** True: files that are being received are included. Default false. */
  readonly temporaries?: boolean;
}

/** A folder that is being read. */
interface Level {
  readonly real: string;
  readonly path: string;
  readonly folder: FolderHandle;
  readonly dir: Dir;
  /** No entry was found so far. */
  empty: boolean;
  /** All names were read, and the folder is closed. */
  done: boolean;
  /** Folders in it that the walk has still to enter. */
  readonly folders: string[];
}

/**
 * The entries of a folder and of those below it, the folder's own entries first. A folder that cannot be read is a
 * failure, and so is an entry whose name is not UTF-8.
 */
export async function* walkChunks(
  root: RootFolder,
  { real, name, recursive, chunkEntries, temporaries = false }: WalkOptions,
): AsyncGenerator<Chunk | Unread> {
  const levels: Level[] = [];
  let next: { readonly real: string; readonly path: string } | undefined = { real, path: '' };
  try {
    while (next !== undefined || levels.length > 0) {
      if (next !== undefined) {
        const { path } = next;
        try {
          levels.push(await openLevel(root, next.real, path, path === '' ? name : path, levels));
        } catch (error) {
          yield { path, failure: toFileError(error, path === '' ? name : path) };
        }
        next = undefined;
        continue;
      }
      const level = levels.at(-1)!;
      const folder = level.folders.pop();
      if (folder !== undefined) {
        next = { real: join(level.real, folder), path: level.path === '' ? folder : `${level.path}/${folder}` };
        continue;
      }
      if (level.done) {
        levels.pop();
        continue;
      }
      yield* readLevel(level, { name, recursive, chunkEntries, temporaries });
    }
  } finally {
    for (const level of levels) closeLevel(level);
  }
}

/** The files of a part, one by one. */
export function filesIn({ real, prefix, names, wanted }: FolderPart): (OneFile & { readonly real: string })[] {
  return names.map((name) => ({ path: prefix + name, wanted, real: join(real, name) }));
}

/** The files and the empty folders of a folder and of those below it. With `folders` of `wanted`, all folders. */
export async function* walk(root: RootFolder, real: string, wanted: WantedFile): AsyncGenerator<Walked> {
  const options = { real, name: wanted.path, recursive: true, chunkEntries: maxOpenFiles };
  for await (const chunk of walkChunks(root, options)) {
    if ('failure' in chunk) {
      yield chunk;
      continue;
    }
    const { entries } = chunk;
    // `as` precedes all paths in the stream.
    const path = [wanted.as ?? '', chunk.path].filter((part) => part !== '').join('/');
    const isHeader = wanted.folders === true ? chunk.first : entries.length === 0;
    if (isHeader && path !== '') yield { path: `${path}/`, folder: true, stats: folderStats(chunk, wanted) };
    // Symbolic links, devices, FIFOs and sockets are left out.
    const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    if (names.length > 0) yield { real: chunk.real, prefix: path === '' ? '' : `${path}/`, names, wanted };
  }
}

function folderStats({ folder }: Chunk, { folders = false }: WantedFile): Stats | undefined {
  return folders ? lstatSync(folder.at()) : undefined;
}

async function openLevel(
  root: RootFolder,
  real: string,
  path: string,
  name: string,
  levels: readonly Level[],
): Promise<Level> {
  if (path !== '' && path.split('/').length >= maxPathLevels) {
    throw new FilePathError(
      `${quoted(name)} has ${maxPathLevels} levels, which is the limit: its content is left out.`,
      name,
    );
  }
  if (levels.filter(({ done }) => !done).length >= maxOpenFolders) {
    throw new FileIoError(
      `${quoted(name)}: more than ${maxOpenFolders} nested folders have more than ${maxFolderNames} folders each, which is the limit: its content is left out.`,
      name,
    );
  }
  const folder = root.openFolderHandle(real, name);
  try {
    const options = { bufferSize: maxFolderNames };
    const dir = diskPace.takeQuick()
      ? diskPace.measure(() => opendirSync(folder.at(), options))
      : await opendirOf(folder.at(), options);
    return { real, path, folder, dir, empty: true, done: false, folders: [] };
  } catch (error) {
    folder.close();
    throw error;
  }
}

/** The next chunks of a folder, up to its end, or until it has so many folders that the walk enters them first. */
async function* readLevel(
  level: Level,
  { name, recursive, chunkEntries, temporaries = false }: Omit<WalkOptions, 'real'>,
): AsyncGenerator<Chunk | Unread> {
  const { real, path, folder } = level;
  while (!level.done && level.folders.length < maxFolderNames) {
    let entries: Dirent[];
    let more: boolean;
    try {
      ({ entries, more } = diskPace.takeQuick()
        ? diskPace.measure(() => readChunkSync(level.dir, chunkEntries, temporaries))
        : await readLater(level.dir, chunkEntries, temporaries));
    } catch (error) {
      closeLevel(level);
      yield { path, failure: toFileError(error, path === '' ? name : path) };
      return;
    }
    // `folder` is open here: it is closed where its last entries were taken.
    const undecodable = new Set(entries.filter((entry) => isUndecodable(entry.name, () => has(folder, entry.name))));
    for (const { name: unread } of undecodable) {
      const where = path === '' ? unread : `${path}/${unread}`;
      yield { path: where, isName: true, failure: undecodableName(where) };
    }
    if (undecodable.size > 0) entries = entries.filter((entry) => !undecodable.has(entry));
    if (entries.length > 0 || (level.empty && !more)) yield { folder, real, path, first: level.empty, entries };
    level.empty &&= entries.length === 0;
    if (recursive) for (const entry of entries) if (entry.isDirectory()) level.folders.push(entry.name);
    if (!more) closeLevel(level);
  }
}

function has(folder: FolderHandle, name: string): boolean {
  try {
    return folder.lstat(name) !== undefined;
  } catch {
    return false;
  }
}

function readChunkSync(dir: Dir, count: number, temporaries: boolean): { entries: Dirent[]; more: boolean } {
  const entries: Dirent[] = [];
  while (entries.length < count) {
    const entry = dir.readSync();
    if (entry === null) return { entries, more: false };
    if (temporaries || !isOwnName(entry.name)) entries.push(entry);
  }
  return { entries, more: true };
}

async function readLater(dir: Dir, count: number, temporaries: boolean): Promise<{ entries: Dirent[]; more: boolean }> {
  const entries: Dirent[] = [];
  while (entries.length < count) {
    const entry = await dir.read();
    if (entry === null) return { entries, more: false };
    if (temporaries || !isOwnName(entry.name)) entries.push(entry);
  }
  return { entries, more: true };
}

function closeLevel(level: Level): void {
  if (level.done) return;
  level.done = true;
  level.dir.closeSync();
  level.folder.close();
}
