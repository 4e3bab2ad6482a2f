import { createHash, type Hash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { firstValueFrom, lastValueFrom, map, tap, type Observable } from 'rxjs';
import { FileCorruptError, FileNotFoundError } from '../../files/file-error.js';
import { fileBytes, readFile, statFile } from '../../files/file-client.js';
import type { FileItem } from '../../files/file-item.js';
import type { FileInfo } from '../../files/file-routes.js';
import { RateMeter } from '../../files/rate-meter.js';
import { isOwnName } from '../../files/peer-path.js';
import { RootFolder } from '../../node/files/folder/root-folder.js';
import { receiveAt } from '../../node/files/receive/receive-file.js';
import { partialFile } from '../../node/files/disk/temporary.js';
import { takeUntilAborted } from '../../operators/take-until-aborted.js';
import { systemRuntime } from '../../runtime.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';
import { copyFolderIn } from './copy-in-folder.js';
import { isSame, type CopyContext } from './copy.js';
import { lastName, shownPath } from '../paths/path-text.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { OutputPipe } from './output-pipe.js';
import { listRemote } from '../paths/remote-folder.js';
import { makeFolder, namesIn } from '../paths/user-folder.js';

/** Copies a file or a folder of a host to here. `target` undefined: to standard output. */
export async function copyIn(context: CopyContext, source: string, target: string | undefined): Promise<void> {
  const { connection, options, signal } = context;
  const info = await firstValueFrom(statFile(connection, source, { signal }));
  if (info.type === 'folder') {
    if (target === undefined) {
      throw new Failure(`${shownPath(source)} is a folder: only a file can go to a pipe.`, exitCodes.usage);
    }
    if (!options.recursive) {
      throw new Failure(
        `${shownPath(source)} is a folder. Give -r to copy it with all that is in it.`,
        exitCodes.usage,
      );
    }
    context.decided.target ??= await folderTarget(context, source, target);
    await copyFolderIn(context, source, context.decided.target);
    return;
  }
  const pipe = target === undefined ? OutputPipe.stdout() : OutputPipe.of(target, await statsOf(target));
  if (pipe !== undefined) {
    await copyToPipe(context, source, info, pipe);
    return;
  }
  context.decided.target ??= await fileTarget(context, source, target!);
  await copyFile(context, source, info, context.decided.target);
}

/**
 * The target of a folder, chosen as cp does, except that with `--resume` the result of an earlier run does not change
 * it.
 */
async function folderTarget(context: CopyContext, source: string, target: string): Promise<string> {
  const there = await statsOf(target);
  if (there !== undefined && !there.isDirectory()) {
    throw new Failure(`${JSON.stringify(target)} exists and is not a folder.`);
  }
  const name = nameOf(source);
  if (isInto(target)) return join(target, name);
  if (there === undefined) return target;
  if (!context.options.resume) return join(target, name);
  const names = new Set(await namesIn(target));
  let same = names.size === 0 || [...names].some((one) => isOwnName(one));
  for await (const { path } of listRemote(context, source)) {
    same ||= names.has(path);
    if (same) return target;
  }
  throw otherFolder(target, name);
}

/** The error for a target that is not an earlier copy: the source must not be mixed into it. */
export function otherFolder(target: string, name: string): Failure {
  return new Failure(
    `${JSON.stringify(target)} exists and has nothing of the source in it: with --resume, the target is the copy itself. Write ${JSON.stringify(`${target}/`)} to make or continue ${JSON.stringify(`${target}/${name}`)}.`,
    exitCodes.usage,
  );
}

/** True where the text of a target says that the source goes into it. */
function isInto(target: string): boolean {
  return target === '' || /(^|[/\\])\.{0,2}$/.test(target);
}

/** The target of a file: in a folder, or a name, through the links that the user typed. */
async function fileTarget({ options }: CopyContext, source: string, target: string): Promise<string> {
  const there = await statsOf(target);
  if (there?.isDirectory() === true || isInto(target)) {
    const folder = target === '' ? '.' : target;
    const name = nameOf(source);
    // A dry run makes nothing.
    if (options.dryRun) return join(folder, name);
    await makeFolder(folder);
    // The host must not choose where it goes, whatever a path at the host may look like here.
    return new RootFolder(folder).locate(name);
  }
  if (there !== undefined) return realpath(target);
  const isLink = await lstat(target).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
  if (isLink) {
    throw new Failure(`${JSON.stringify(target)} is a link to nothing. Remove it, or give the path that it names.`);
  }
  const folder = dirname(target);
  if ((await statsOf(folder)) === undefined) {
    throw new Failure(`the folder ${JSON.stringify(folder)} does not exist here. Make it first, with mkdir -p.`);
  }
  return target;
}

function nameOf(source: string): string {
  const name = lastName(source);
  if (name === '..') throw new Failure(`${JSON.stringify(source)}: give the path without '..'.`, exitCodes.usage);
  return name;
}

/** Reports the one file that is to be copied. True: nothing more is to be done. */
function isDryRun({ options, report }: CopyContext, source: string, { size }: FileInfo): boolean {
  report.found(size);
  report.foundAll();
  if (options.dryRun) report.would(source, size);
  return options.dryRun;
}

async function copyFile(context: CopyContext, source: string, info: FileInfo, target: string): Promise<void> {
  const { connection, options, report, signal, throttle } = context;
  if (isDryRun(context, source, info)) return;
  if (options.resume && isSame(await infoAt(target), info)) {
    report.present(info.size, true);
    return;
  }
  const have = options.resume ? await partialFile(target) : undefined;
  const { resume, verify, fsync, preserve } = options;
  let before: number | undefined;
  const file$ = readFile(connection, source, {
    ...(have === undefined ? {} : { have }),
    ...(verify ? { hash: 'sha256' } : {}),
  }).pipe(
    takeUntilAborted(signal),
    tap((item) => {
      if (item.kind !== 'header' || before !== undefined) return;
      before = item.offset;
      report.present(before, false);
    }),
    receiveAt(
      target,
      { resume, fsync, verify, preserve, reuse: true, ...(have === undefined ? {} : { offset: have.length }) },
      throttle,
      target,
    ),
    tap(({ received, total, rate, mode }) => {
      if (mode !== undefined) report.because(mode, 'so the host says.');
      report.step({ files: received === total ? 1 : 0, bytes: received - (before ?? 0), rate, mode });
    }),
  );
  await lastValueFrom(file$);
}

/**
 * Copies to a target that is not a regular file: bytes as they come. A hash can only be checked after they were
 * written.
 */
async function copyToPipe(context: CopyContext, source: string, info: FileInfo, pipe: OutputPipe): Promise<void> {
  const { connection, options, report, signal, throttle } = context;
  if (isDryRun(context, source, info)) return;
  if (options.resume) throw new Failure('--resume needs a file as its target, not a pipe.', exitCodes.usage);
  const meter = new RateMeter(systemRuntime.now());
  let mode: string | undefined;
  const items$: Observable<FileItem> = readFile(connection, source, options.verify ? { hash: 'sha256' } : {}).pipe(
    takeUntilAborted(signal),
    tap((item) => {
      if (item.kind === 'header') mode = item.via;
    }),
  );
  const bytes$ = (options.verify ? items$.pipe(checkHash(source)) : items$).pipe(fileBytes());
  let bytes = 0;
  let whole = false;
  try {
    for await (const chunk of toAsyncIterable(bytes$)) {
      await throttle?.wait(signal);
      throttle?.taken(chunk.length);
      await pipe.write(chunk, signal);
      bytes += chunk.length;
      report.step({ files: 0, bytes, rate: meter.rate(systemRuntime.now(), bytes), mode });
    }
    whole = true;
    report.step({ files: 1, bytes, rate: meter.rate(systemRuntime.now(), bytes), mode });
  } finally {
    await pipe.end(whole);
  }
}

function checkHash(path: string): (source: Observable<FileItem>) => Observable<FileItem> {
  return (source) => {
    const hash: Hash = createHash('sha256');
    return source.pipe(
      map((item) => {
        if (item.kind === 'data') hash.update(item.bytes);
        if (item.kind === 'end' && (item.hash === undefined || Buffer.compare(hash.digest(), item.hash) !== 0)) {
          const text = `${JSON.stringify(path)}: the sha256 of the received bytes is not that of the file. They have been written to the pipe.`;
          throw new FileCorruptError(text, path);
        }
        return item;
      }),
    );
  };
}

async function infoAt(path: string): Promise<{ readonly size: number; readonly mtime: number } | undefined> {
  const stats = await statsOf(path);
  return stats?.isFile() === true ? { size: stats.size, mtime: stats.mtimeMs } : undefined;
}

async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path === '' ? '.' : path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR')
      throw new FileNotFoundError(`A part of the path ${JSON.stringify(path)} is not a folder.`, path);
    throw new Failure(`${JSON.stringify(path)} cannot be used (${String(code)}).`);
  }
}
