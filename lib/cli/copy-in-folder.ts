import { mkdir, readdir } from 'node:fs/promises';
import { lastValueFrom, tap } from 'rxjs';
import { FileError } from '../files/file-error.js';
import { listEntries } from '../files/file-client.js';
import { fileRoutes, type FileInfo, type WantedFile } from '../files/file-routes.js';
import { RootFolder } from '../node/files/folder/root-folder.js';
import { sweepTemporaries } from '../node/files/folder/sweep.js';
import { receiveFiles } from '../node/files/receive/receive-files.js';
import { takeUntilAborted } from '../operators/take-until-aborted.js';
import { toAsyncIterable } from '../operators/to-async-iterable.js';
import { isSame, joinPath, resumableBytes, type CopyContext } from './copy.js';
import { remoteInfo, walkRemote } from './remote-folder.js';
import { statsIn } from './target-stats.js';
import { withScan } from './with-scan.js';

/** A file that is to be copied. */
interface Planned {
  readonly wanted: WantedFile;
  /** Bytes of the whole file. */
  readonly size: number;
}

/** What a host's entry is that is no file and no folder: it does not say which. */
const unknownKind = 'a link, a device, a pipe or a socket';

/**
 * Copies a folder of a host to here.
 *
 * Where nothing of it is here, the host sends all of it, small files in packs, while what there is is counted beside that.
 * Else each file is compared and asked for, as the listing comes.
 */
export async function copyFolderIn(context: CopyContext, source: string, target: string): Promise<void> {
  const { options, report } = context;
  if (options.dryRun) {
    const root = (await isThere(target)) ? new RootFolder(target) : undefined;
    for await (const { wanted, size } of planIn(context, source, root)) report.would(wanted.path, size);
    return;
  }
  await mkdir(target, { recursive: true });
  const root = new RootFolder(target);
  const continues = options.resume && (await readdir(target)).length > 0;
  if (continues || options.excludes !== undefined || options.links === 'follow') {
    await receive(context, () => wantedBy(planIn(context, source, root)), target);
    // No server does it here. What a run has left that was killed is of no use once this one has come to its end.
    if (continues) await sweepTemporaries(root).catch(() => undefined);
    return;
  }
  const whole: WantedFile = { path: source, recursive: true, ...hashOf(context) };
  await withScan(
    context,
    (signal) => countIn({ ...context, signal }, source),
    () => receive(context, () => [whole], target),
  );
}

async function* wantedBy(plan: AsyncIterable<Planned>): AsyncGenerator<WantedFile> {
  for await (const { wanted } of plan) yield wanted;
}

function hashOf({ options }: CopyContext): Pick<WantedFile, 'hash'> {
  return options.verify ? { hash: 'sha256' } : {};
}

async function receive(
  { connection, options, report, signal }: CopyContext,
  wanted: () => Iterable<WantedFile> | AsyncIterable<WantedFile>,
  target: string,
): Promise<void> {
  const { resume, verify, fsync } = options;
  const files$ = connection.exchange(fileRoutes.read, undefined, wanted).pipe(
    takeUntilAborted(signal),
    receiveFiles(target, { resume, fsync, verify, ...(resume ? { offset: Number.MAX_SAFE_INTEGER } : {}) }),
    tap(({ files, received, rate, mode, failure }) => {
      if (failure !== undefined) report.failed(failure);
      if (mode !== undefined) report.because(mode, 'so the host says.');
      report.step({ files, bytes: received, rate, mode });
    }),
  );
  await lastValueFrom(files$, { defaultValue: undefined });
}

/** Counts what there is, and reports what is left out. What cannot be listed is reported by the host where it is read. */
async function countIn(context: CopyContext, source: string): Promise<void> {
  const { connection, report, signal } = context;
  for await (const entry of toAsyncIterable(listEntries(connection, source, { recursive: true, signal }))) {
    if ('failure' in entry) continue;
    const { type, path, size } = entry.info;
    if (type === 'file') report.found(size);
    else if (type === 'other') report.skipped(joinPath(source, path), unknownKind);
  }
  report.foundAll();
}

/** The files that are wanted, as the listing comes. The names are the host's: what is here is found within the root alone. */
async function* planIn(context: CopyContext, source: string, root: RootFolder | undefined): AsyncGenerator<Planned> {
  const { options, report, signal } = context;
  for await (const entry of walkRemote(context, source, options.excludes)) {
    signal.throwIfAborted();
    if ('failure' in entry) {
      report.failed(entry.failure);
      continue;
    }
    try {
      const planned = await plannedOf(context, source, root, entry.info);
      if (planned !== undefined) yield planned;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      report.failed(error);
    }
  }
  report.foundAll();
}

async function plannedOf(
  context: CopyContext,
  source: string,
  root: RootFolder | undefined,
  info: FileInfo,
): Promise<Planned | undefined> {
  const { options, report } = context;
  const path = joinPath(source, info.path);
  let file = info;
  if (info.type === 'folder') {
    if (!options.dryRun) await root?.makeFolder(info.path);
    return undefined;
  }
  if (info.type === 'other') {
    const there = options.links === 'follow' ? await remoteInfo(context, path) : undefined;
    if (there?.type !== 'file') {
      report.skipped(path, there?.type === 'folder' ? 'a link to a folder' : unknownKind);
      return undefined;
    }
    file = there;
  }
  report.found(file.size);
  const here = options.resume && root !== undefined ? await infoHere(root, info.path) : undefined;
  if (isSame(here, file)) {
    report.there(file.size, true);
    return undefined;
  }
  const { size } = file;
  const wanted: WantedFile = { path, as: info.path, ...hashOf(context) };
  const mayContinue = options.resume && root !== undefined && size >= resumableBytes;
  const have = mayContinue ? await root.part(info.path, context.signal) : undefined;
  if (have === undefined) return { wanted, size };
  report.there(have.length, false);
  return { wanted: { ...wanted, have }, size };
}

async function infoHere(root: RootFolder, path: string): Promise<Pick<FileInfo, 'size' | 'mtime'> | undefined> {
  const stats = await statsIn(root, path);
  return stats?.isFile() === true ? { size: stats.size, mtime: stats.mtimeMs } : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  );
}
