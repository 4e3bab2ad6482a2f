import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { lastValueFrom } from 'rxjs';
import {
  FileChangedError,
  FileConflictError,
  FileError,
  FilePathError,
  FilesReadOnlyError,
} from '../../files/file-error.js';
import { quoted } from '../../files/peer-path.js';
import { removeFile } from '../../files/remove-file.js';
import { removeTree } from '../../node/files/folder/remove-tree.js';
import type { RootFolder } from '../../node/files/folder/root-folder.js';
import { toFileError } from '../../node/files/disk/system-error.js';
import type { CopyContext } from './copy.js';
import { checkRemovable } from './permissions.js';
import { joinPath } from '../paths/path-text.js';
import { walkLocal } from '../paths/local-folder.js';
import { walkRemote } from '../paths/remote-folder.js';

/*
 * `--delete`: removes from the target what is not in the source. Nothing is removed where something could not be read
 * or copied: it may be missing from the source only in appearance. Excluded paths stay, and so do the folders they are
 * in. With `--dry-run` the paths are named, and nothing is removed.
 */

/** Removes a path of the target. `recursive`: with all that is in it. Errors: FileError. */
type Remove = (path: string, recursive: boolean) => Promise<void>;

/** The folder here that is the source, as it was when the copying began. */
export interface SourceFolder {
  readonly path: string;
  readonly stats: Pick<Stats, 'dev' | 'ino'>;
}

/** Removes from a folder here all that is not in the source. `sources`: all paths of the source, relative to it. */
export async function deleteExtraHere(
  context: CopyContext,
  root: RootFolder,
  sources: ReadonlySet<string>,
): Promise<void> {
  if (!mayDelete(context)) return;
  const extra = new ExtraPaths(context);
  for await (const entry of walkLocal(root.path, '', { links: 'skip', excludes: extra.excludes })) {
    if (entry.kind === 'failure') context.report.notRemoved(entry.error);
    else if (!sources.has(entry.path)) extra.add(entry.path, entry.kind === 'folder');
  }
  await extra.remove(async (path, recursive) => {
    for await (const _ of removeTree(root, path, { recursive, signal: context.signal }));
  });
}

/** Removes from a folder of the host all that is not in the source. */
export async function deleteExtraThere(context: CopyContext, source: SourceFolder, target: string): Promise<void> {
  if (!mayDelete(context)) return;
  const { connection, signal } = context;
  const extra = new ExtraPaths(context);
  for await (const entry of walkRemote(context, target, extra.excludes)) {
    if ('failure' in entry) {
      // One entry that cannot be named does not keep the others.
      if (!(entry.failure instanceof FilePathError)) throw entry.failure;
      context.report.notRemoved(entry.failure);
      continue;
    }
    const { path, type } = entry.info;
    if (!(await isIn(source.path, path))) extra.add(path, type === 'folder');
  }
  await checkStillThere(source);
  await extra.remove(async (path, recursive) => {
    await lastValueFrom(removeFile(connection, joinPath(target, path), { recursive, signal }));
  });
  if (context.options.dryRun && extra.any) await checkRemovable(context, target);
}

function mayDelete({ options, report }: CopyContext): boolean {
  if (!options.delete) return false;
  if (report.notCopied === 0) return true;
  report.line('nothing is deleted, because some files could not be copied.');
  return false;
}

/** False where the source does not have the path. @throws FileError where that cannot be known. */
async function isIn(source: string, path: string): Promise<boolean> {
  try {
    await lstat(join(source, path));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw toFileError(error, path);
  }
}

/** In a source that is gone, or that was unmounted, every path is missing. @throws FileError */
async function checkStillThere({ path, stats }: SourceFolder): Promise<void> {
  const now = await stat(path).catch((error: unknown) => {
    throw toFileError(error, path);
  });
  if (now.ino === stats.ino && now.dev === stats.dev) return;
  throw new FileChangedError(
    `${quoted(path)} was replaced while it was copied, so nothing is deleted. Copy it again.`,
    path,
  );
}

/** Paths of the target that the source does not have, a folder before what is in it. */
class ExtraPaths {
  /** The exclusions of the copy, for the walk through the target. */
  readonly excludes: ((path: string) => boolean) | undefined;
  readonly #context: CopyContext;
  readonly #found: { readonly path: string; readonly isFolder: boolean }[] = [];
  readonly #folders = new Set<string>();
  /** Folders with an excluded path in them, which stay. */
  readonly #kept = new Set<string>();

  constructor(context: CopyContext) {
    const { excludes } = context.options;
    this.#context = context;
    this.excludes = excludes && ((path) => excludes(path) && this.#keep(path));
  }

  /** True: there is something to remove. */
  get any(): boolean {
    return this.#found.some(({ path }) => !this.#kept.has(path));
  }

  add(path: string, isFolder: boolean): void {
    if (isFolder) this.#folders.add(path);
    // Without exclusions a folder is removed with all that is in it.
    if (this.excludes === undefined && this.#folders.has(posix.dirname(path))) return;
    this.#found.push({ path, isFolder });
  }

  async remove(remove: Remove): Promise<void> {
    const { options, report, signal } = this.#context;
    // The entries of a folder are removed before the folder.
    for (const { path, isFolder } of this.#found.reverse()) {
      signal.throwIfAborted();
      if (this.#kept.has(path)) continue;
      if (options.dryRun) {
        report.wouldRemove(path);
        continue;
      }
      try {
        await remove(path, isFolder && this.excludes === undefined);
        report.removed(path);
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        // An excluded path may have come into the folder since.
        if (isFolder && this.excludes !== undefined && error instanceof FileConflictError) continue;
        // A host that allows no removal refuses all of them.
        if (error instanceof FilesReadOnlyError) throw error;
        report.notRemoved(error);
      }
    }
  }

  #keep(path: string): true {
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) this.#kept.add(folder);
    return true;
  }
}
