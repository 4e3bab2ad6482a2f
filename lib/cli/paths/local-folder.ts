import { lstat, readdir, stat } from 'node:fs/promises';
import { lstatSync, type Dirent, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { FileError } from '../../files/file-error.js';
import { isOwnName } from '../../files/peer-path.js';
import { isUndecodable, toFileError, undecodableName } from '../../node/files/disk/system-error.js';
import { joinPath } from './path-text.js';

/** An entry of a local folder. `path`: relative to the folder that the walk began with, with slashes. */
export type LocalEntry =
  | { readonly kind: 'file'; readonly path: string; readonly size: number; readonly mtime: number }
  | { readonly kind: 'folder'; readonly path: string }
  /** A symbolic link to a file: what it leads to is copied under the link's name. */
  | { readonly kind: 'linked'; readonly path: string; readonly real: string; readonly size: number }
  | { readonly kind: 'other'; readonly path: string; readonly what: string }
  | { readonly kind: 'failure'; readonly error: FileError };

/** Options of a walk. */
export interface WalkOptions {
  readonly links: 'skip' | 'follow';
  readonly excludes: ((path: string) => boolean) | undefined;
}

/**
 * Yields the entries of one folder. It leaves out files that vanish meanwhile, and yields a failure for a name that is
 * not UTF-8.
 */
export async function* listLocal(root: string, below: string, options: WalkOptions): AsyncGenerator<LocalEntry> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, below), { withFileTypes: true });
  } catch (error) {
    yield { kind: 'failure', error: toFileError(error, below === '' ? root : below) };
    return;
  }
  for (const entry of entries) {
    const path = joinPath(below, entry.name);
    if (isOwnName(entry.name) || options.excludes?.(path) === true) continue;
    if (isUndecodable(entry.name, () => existsHere(join(root, path)))) {
      yield { kind: 'failure', error: undecodableName(path) };
    } else if (entry.isDirectory()) yield { kind: 'folder', path };
    else if (entry.isFile()) {
      const stats = await lstat(join(root, path)).catch(() => undefined);
      if (stats?.isFile() === true) yield { kind: 'file', path, size: stats.size, mtime: stats.mtimeMs };
    } else yield await otherOf(root, path, entry, options);
  }
}

function existsHere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

async function otherOf(root: string, path: string, entry: Dirent, { links }: WalkOptions): Promise<LocalEntry> {
  if (!entry.isSymbolicLink()) return { kind: 'other', path, what: whatOf(entry) };
  const real = join(root, path);
  const there: Stats | undefined = links === 'follow' ? await stat(real).catch(() => undefined) : undefined;
  if (there?.isFile() === true) return { kind: 'linked', path, real, size: there.size };
  const what = there?.isDirectory() === true ? 'a symbolic link to a folder' : 'a symbolic link';
  return { kind: 'other', path, what: links === 'follow' && there === undefined ? 'a symbolic link to nothing' : what };
}

function whatOf(entry: Dirent): string {
  if (entry.isFIFO()) return 'a named pipe';
  if (entry.isSocket()) return 'a socket';
  return 'a device';
}

/** Yields the entries of a folder and of those below it. Symbolic links to folders are not followed. */
export async function* walkLocal(root: string, below: string, options: WalkOptions): AsyncGenerator<LocalEntry> {
  for await (const entry of listLocal(root, below, options)) {
    yield entry;
    if (entry.kind === 'folder') yield* walkLocal(root, entry.path, options);
  }
}
