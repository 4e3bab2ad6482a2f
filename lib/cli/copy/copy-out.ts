import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { WantedFile } from '../../files/file-routes.js';
import { FileSpaceError } from '../../files/file-error.js';
import { RootFolder } from '../../node/files/folder/root-folder.js';
import { toFileError } from '../../node/files/disk/system-error.js';
import { systemRuntime } from '../../runtime.js';
import { otherFolder } from './copy-in.js';
import { copyFolderOut } from './copy-out-folder.js';
import { isSame, type CopyContext } from './copy.js';
import { checkWritable } from './permissions.js';
import { joinPath, lastName, shownPath } from '../paths/path-text.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { spool } from './input-pipe.js';
import { offsetOf, sendFiles } from './send-files.js';
import { listRemote, remoteInfo } from '../paths/remote-folder.js';
import { statsIn } from './target-stats.js';

/** Copies a file or a folder from here to a host. `source` undefined: from standard input. */
export async function copyOut(context: CopyContext, source: string | undefined, target: string): Promise<void> {
  if (context.options.dryRun) await checkWritable(context, target);
  if (source === undefined) {
    await copyPipe(context, undefined, target);
    return;
  }
  const stats = await stat(source).catch((error: unknown) => {
    throw toFileError(error, source);
  });
  if (stats.isDirectory()) {
    if (!context.options.recursive) {
      throw new Failure(
        `${JSON.stringify(source)} is a folder. Give -r to copy it with all that is in it.`,
        exitCodes.usage,
      );
    }
    // Its own name, also where the user wrote `.` or a link.
    const path = resolve(source);
    context.decided.target ??= await folderTarget(context, path, target);
    await copyFolderOut(context, { path: await realpath(path), shown: source }, context.decided.target);
    return;
  }
  if (stats.isFIFO() || source === '/dev/stdin') {
    await copyPipe(context, source === '/dev/stdin' ? undefined : source, target);
    return;
  }
  if (!stats.isFile()) throw new Failure(`${JSON.stringify(source)} is not a regular file.`);
  context.decided.target ??= await fileTarget(context, basename(resolve(source)), target);
  // The user typed it: where it is a link, what it leads to is copied under its name.
  if (isDryRun(context, source, stats)) return;
  await copyFile(context, await realpath(source), { size: stats.size, mtime: stats.mtimeMs }, context.decided.target);
}

/** Where a folder goes; see `folderTarget` in copy-in.ts. */
async function folderTarget(context: CopyContext, path: string, target: string): Promise<string> {
  const name = basename(path);
  const folder = target.replace(/\/+$/, '');
  if (lastName(target) === '' || target.endsWith('/')) return joinPath(folder, name);
  const there = await remoteInfo(context, target);
  if (there !== undefined && there.type !== 'folder') {
    throw new Failure(`${JSON.stringify(target)} exists at the host and is not a folder.`);
  }
  if (there === undefined) return target;
  if (!context.options.resume) return joinPath(target, name);
  const root = new RootFolder(path);
  let empty = true;
  for await (const info of listRemote(context, target)) {
    empty = false;
    // The names are the host's.
    const known = await statsIn(root, info.path).catch(() => undefined);
    if (known !== undefined) return target;
  }
  if (empty) return target;
  throw otherFolder(target, name);
}

async function fileTarget(context: CopyContext, name: string, target: string): Promise<string> {
  const isFolder =
    lastName(target) === '' || target.endsWith('/') || (await remoteInfo(context, target))?.type === 'folder';
  return isFolder ? joinPath(target.replace(/\/+$/, ''), name) : target;
}

/** Reports the one file that would be copied. True: nothing more is to be done. */
function isDryRun({ options, report }: CopyContext, source: string, { size }: { readonly size: number }): boolean {
  if (options.dryRun) report.would(source, size);
  return options.dryRun;
}

async function copyFile(
  context: CopyContext,
  path: string,
  info: { readonly size: number; readonly mtime: number },
  target: string,
): Promise<void> {
  const { options, report } = context;
  const { size } = info;
  report.found(size);
  report.foundAll();
  if (options.resume && isSame(await remoteInfo(context, target), info)) {
    report.present(size, true);
    return;
  }
  const offset = await offsetOf(context, path, size, target);
  report.present(offset, false);
  const wanted: WantedFile = { path: basename(path), offset, ...(options.verify ? { hash: 'sha256' } : {}) };
  await sendFiles(context, { target, folder: false, root: new RootFolder(dirname(path)) }, async function* () {
    yield wanted;
  });
}

/** A file is announced with its size: what comes from a pipe goes to a temporary file first. */
async function copyPipe(context: CopyContext, source: string | undefined, target: string): Promise<void> {
  if (context.options.resume) throw new Failure('--resume needs a file as its source, not a pipe.', exitCodes.usage);
  context.decided.target ??= target;
  if (lastName(target) === '' || target.endsWith('/') || (await remoteInfo(context, target))?.type === 'folder') {
    throw new Failure(
      `the bytes of a pipe have no name. Give a path for them at the host, not ${target === '' ? 'only the served folder' : `the folder ${shownPath(target)}`}.`,
      exitCodes.usage,
    );
  }
  if (context.options.dryRun) {
    // The pipe is left for the copy to read; its size is not known before.
    context.report.would(source ?? '-');
    return;
  }
  const spooled = await spool(source, context.signal).catch((error: unknown) => {
    const failure = toFileError(error, source ?? 'standard input');
    throw failure instanceof FileSpaceError
      ? new Failure(`${failure.message} It is kept in a temporary file first: TMPDIR says where.`)
      : error;
  });
  try {
    await copyFile(context, spooled.path, { size: spooled.size, mtime: systemRuntime.wallNow() }, target);
  } finally {
    await spooled.remove();
  }
}
