import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { firstValueFrom, lastValueFrom, tap, toArray } from 'rxjs';
import { listFiles, readFile, statFile } from '../files/file-client.js';
import { fileRoutes, type FileInfo, type WantedFile } from '../files/file-routes.js';
import { receiveFile } from '../node/files/receive/receive-file.js';
import { receiveFiles } from '../node/files/receive/receive-files.js';
import { partialFile } from '../node/files/receive/temporary.js';
import { takeUntilAborted } from '../operators/take-until-aborted.js';
import { isSame, joinPath, lastName, resumableBytes, type CopyContext } from './copy.js';
import { exitCodes, Failure } from './failure.js';

/** Copies a file or a folder of a host to here. */
export async function copyIn(context: CopyContext, source: string, target: string): Promise<void> {
  const { connection, options, signal } = context;
  const info = await firstValueFrom(statFile(connection, source, { signal }));
  const name = lastName(source);
  const there = await stat(target).catch(() => undefined);
  const isFolder = there?.isDirectory() ?? /[/\\]$/.test(target);
  if (info.type === 'folder') {
    if (!options.recursive) {
      throw new Failure(`${JSON.stringify(source)} is a folder: give -r to copy all that is in it.`, exitCodes.usage);
    }
    // As cp does it: into a folder that is there, or as one that is not.
    await copyFolder(context, source, there === undefined ? target : join(target, name));
    return;
  }
  if (isFolder) await mkdir(target, { recursive: true });
  await copyFile(context, source, isFolder ? join(target, name) : target);
}

async function copyFile(
  { connection, options, bar, signal }: CopyContext,
  source: string,
  target: string,
): Promise<void> {
  const have = options.resume ? await partialFile(target) : undefined;
  const { resume, verify, fsync } = options;
  const file$ = readFile(connection, source, {
    ...(have === undefined ? {} : { have }),
    ...(verify ? { hash: 'sha256' } : {}),
  }).pipe(
    takeUntilAborted(signal),
    receiveFile(target, { resume, fsync, verify, ...(have === undefined ? {} : { offset: have.length }) }),
    tap(({ received: bytes, total, rate, mode }) => {
      bar.update({ bytes, total, rate, mode });
    }),
  );
  await lastValueFrom(file$);
}

async function copyFolder(context: CopyContext, source: string, target: string): Promise<void> {
  const { connection, options, bar, signal, failed } = context;
  await mkdir(target, { recursive: true });
  const { resume, verify, fsync } = options;
  // What is there in all is for the bar, and what is here is for a second try: else the folder comes without being listed.
  const plan = bar.shown || resume ? await planOf(context, source, target) : undefined;
  const whole: WantedFile = { path: source, recursive: true, ...(verify ? { hash: 'sha256' } : {}) };
  // As one folder where nothing of it is here: its small files come in packs.
  const wanted: Iterable<WantedFile> = plan?.untouched !== false ? [whole] : plan.wanted;
  const before = plan?.before ?? 0;
  const files$ = connection.exchange(fileRoutes.read, undefined, wanted).pipe(
    takeUntilAborted(signal),
    receiveFiles(target, { resume, fsync, verify, ...(resume ? { offset: Number.MAX_SAFE_INTEGER } : {}) }),
    tap(({ received, rate, mode, failure }) => {
      if (failure !== undefined) failed(failure);
      bar.update({ bytes: before + received, total: plan?.total ?? 0, rate, mode });
    }),
  );
  await lastValueFrom(files$, { defaultValue: undefined });
}

interface Plan {
  readonly wanted: readonly WantedFile[];
  /** Bytes of all files, and of those that are here already. */
  readonly total: number;
  readonly before: number;
  /** True: nothing of it is here, nor a part of a file. */
  readonly untouched: boolean;
}

async function planOf(context: CopyContext, source: string, target: string): Promise<Plan> {
  const { connection, options, signal, skipped } = context;
  const infos = await firstValueFrom(listFiles(connection, source, { recursive: true, signal }).pipe(toArray()));
  const wanted: WantedFile[] = [];
  let [total, before] = [0, 0];
  let untouched = true;
  for (const info of infos) {
    if (info.type === 'other') skipped(`${joinPath(source, info.path)} is a link or a device, and is left out.`);
    if (info.type === 'folder') await mkdir(join(target, info.path), { recursive: true });
    if (info.type !== 'file') continue;
    total += info.size;
    const here = join(target, info.path);
    if (options.resume && isSame(await infoOf(here), info)) {
      before += info.size;
      untouched = false;
      continue;
    }
    const have = options.resume && info.size >= resumableBytes ? await partialFile(here) : undefined;
    before += have?.length ?? 0;
    if (have !== undefined) untouched = false;
    wanted.push({
      path: joinPath(source, info.path),
      as: info.path,
      ...(have === undefined ? {} : { have }),
      ...(options.verify ? { hash: 'sha256' } : {}),
    });
  }
  return { wanted, total, before, untouched };
}

async function infoOf(path: string): Promise<Pick<FileInfo, 'size' | 'mtime'> | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true ? { size: stats.size, mtime: stats.mtimeMs } : undefined;
}
