import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { FileError } from '../files/file-error.js';
import { removeFile } from '../files/remove-file.js';
import { removeTree } from '../node/files/folder/remove-tree.js';
import type { RootFolder } from '../node/files/folder/root-folder.js';
import { joinPath, type CopyContext } from './copy.js';
import { walkLocal } from './local-folder.js';
import { walkRemote } from './remote-folder.js';

/*
 * `--delete`: removes from the target what is not in the source. Nothing is removed where something could not be read or
 * copied: it may be missing from the source only in appearance. Excluded paths stay.
 */

/** Removes from a folder here all that is not in the source. `sources`: all paths of the source, relative to it. */
export async function deleteExtraHere(
  context: CopyContext,
  root: RootFolder,
  sources: ReadonlySet<string>,
): Promise<void> {
  if (!mayDelete(context)) return;
  const extra: string[] = [];
  for await (const entry of walkLocal(root.path, '', { ...context.options, links: 'skip' })) {
    if ('path' in entry && !sources.has(entry.path)) add(extra, entry.path);
  }
  await removeAll(context, extra, async (path) => {
    for await (const _ of removeTree(root, path, { recursive: true, signal: context.signal }));
  });
}

/** Removes from a folder of the host all that is not in the source. `source`: the folder here. */
export async function deleteExtraThere(context: CopyContext, source: string, target: string): Promise<void> {
  if (!mayDelete(context)) return;
  const { connection, options, signal } = context;
  const extra: string[] = [];
  for await (const entry of walkRemote(context, target, options.excludes)) {
    if ('failure' in entry) throw entry.failure;
    const { path } = entry.info;
    const isHere = await lstat(join(source, path)).then(
      () => true,
      () => false,
    );
    if (!isHere) add(extra, path);
  }
  await removeAll(context, extra, async (path) => {
    await lastValueFrom(removeFile(connection, joinPath(target, path), { recursive: true, signal }));
  });
}

function mayDelete({ options, report }: CopyContext): boolean {
  if (!options.delete) return false;
  if (report.failures === 0) return true;
  report.line('nothing is deleted, because some files could not be copied.');
  return false;
}

/** A folder comes before what is in it, and is removed with it. */
function add(extra: string[], path: string): void {
  const last = extra.at(-1);
  if (last === undefined || !path.startsWith(`${last}/`)) extra.push(path);
}

async function removeAll(
  { report, signal }: CopyContext,
  paths: readonly string[],
  remove: (path: string) => Promise<void>,
): Promise<void> {
  for (const path of paths) {
    signal.throwIfAborted();
    try {
      await remove(path);
      report.removed(path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      report.failed(error);
    }
  }
}
