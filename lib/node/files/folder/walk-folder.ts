import { lstat, readdir, readdirSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FileError } from '../../../files/file-error.js';
import { isOwnName } from '../../../files/peer-path.js';
import type { FileInfo, WantedFile } from '../../../files/file-routes.js';
import { maxOpenFiles } from '../../../limits.js';
import { diskPace } from '../receive/disk-pace.js';
import type { RootFolder } from './root-folder.js';
import { toFileError } from './system-error.js';

const readdirOf = promisify(readdir) as (path: string, options: { withFileTypes: true }) => Promise<Dirent[]>;
const lstatOf = promisify(lstat);

/** One file of the stream, before it is opened. */
export interface OneFile {
  readonly path: string;
  readonly wanted: WantedFile;
  /** Undefined: not followed yet. */
  readonly real?: string;
}

/** Some files of one folder, of which all is wanted. */
export interface FolderPart {
  readonly real: string;
  /** Stands before their names in the stream. */
  readonly prefix: string;
  readonly names: readonly string[];
  readonly wanted: WantedFile;
}

/** What a walk finds: files of a folder, a folder without anything in it, a folder that cannot be read. */
export type Walked = FolderPart | { readonly path: string; readonly folder: true } | { readonly failure: FileError };

/** The names in a folder with what they are; without files on their way. @throws FileError */
export async function entriesOf(root: RootFolder, real: string, path: string): Promise<Dirent[]> {
  const folder = root.openFolderHandle(real, path);
  try {
    const options = { withFileTypes: true } as const;
    const entries = diskPace.quick
      ? diskPace.measure(() => readdirSync(folder.at(), options))
      : await readdirOf(folder.at(), options);
    return entries.filter(({ name }) => !isOwnName(name));
  } catch (error) {
    throw toFileError(error, path);
  } finally {
    folder.close();
  }
}

/** All files of a folder, with their sizes and times, and with nothing that is no file. @throws FileError */
export async function* walkFiles(root: RootFolder): AsyncGenerator<Pick<FileInfo, 'path' | 'size' | 'mtime'>> {
  for await (const leaf of walk(root, root.path, '', { path: '' })) {
    if ('failure' in leaf) throw leaf.failure;
    if ('folder' in leaf) continue;
    for (const { path, real } of filesIn(leaf)) {
      const stats = await lstatOf(real).catch(() => undefined);
      if (stats?.isFile() === true) yield { path, size: stats.size, mtime: Math.floor(stats.mtimeMs) };
    }
  }
}

/** The files of a part, one by one. */
export function filesIn({ real, prefix, names, wanted }: FolderPart): (OneFile & { readonly real: string })[] {
  return names.map((name) => ({ path: prefix + name, wanted, real: join(real, name) }));
}

/** What is in a folder and below, in parts. `path`: that of the folder in the stream. */
export async function* walk(root: RootFolder, real: string, path: string, wanted: WantedFile): AsyncGenerator<Walked> {
  let entries: Dirent[];
  try {
    entries = await entriesOf(root, real, path === '' ? wanted.path : path);
  } catch (error) {
    yield { failure: toFileError(error, path) };
    return;
  }
  if (entries.length === 0 && path !== '') yield { path: `${path}/`, folder: true };
  // Links, devices, FIFOs and sockets are no files.
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const prefix = path === '' ? '' : `${path}/`;
  for (let at = 0; at < names.length; at += maxOpenFiles) {
    yield { real, prefix, names: names.slice(at, at + maxOpenFiles), wanted };
  }
  for (const entry of entries) {
    if (entry.isDirectory()) yield* walk(root, join(real, entry.name), prefix + entry.name, wanted);
  }
}
