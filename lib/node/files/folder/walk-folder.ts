import { lstat, readdir, readdirSync, realpath, realpathSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FileConflictError, type FileError } from '../../../files/file-error.js';
import type { FileInfo, WantedFile } from '../../../files/file-routes.js';
import { maxOpenFiles } from '../../../limits.js';
import { diskPace } from '../receive/disk-pace.js';
import type { RootFolder } from './root-folder.js';
import { toFileError } from './system-error.js';
import { isTemporary } from '../receive/temporary.js';

const readdirOf = promisify(readdir) as (path: string, options: { withFileTypes: true }) => Promise<Dirent[]>;
const lstatOf = promisify(lstat);
const realpathOf = promisify(realpath.native);

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
export async function* walk(real: string, path: string, wanted: WantedFile): AsyncGenerator<Walked> {
  let entries: Dirent[];
  try {
    entries = await entriesOf(real, path === '' ? wanted.path : path);
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
    if (entry.isDirectory()) yield* walk(join(real, entry.name), prefix + entry.name, wanted);
  }
}
