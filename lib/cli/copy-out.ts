import { stat } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { firstValueFrom, lastValueFrom, tap, toArray, type Observable } from 'rxjs';
import { FileNotFoundError, fileErrorOf, type FileError } from '../files/file-error.js';
import { listFiles, statFile } from '../files/file-client.js';
import type { FileProgress } from '../files/file-region.js';
import { RateMeter } from '../files/rate-meter.js';
import { fileRoutes, type FileInfo, type FilePart, type WantedFile, type WriteReport } from '../files/file-routes.js';
import { filesOf } from '../node/files/send/file-source.js';
import { walkFiles } from '../node/files/folder/walk-folder.js';
import { RootFolder } from '../node/files/folder/root-folder.js';
import { toFileError } from '../node/files/folder/system-error.js';
import { systemRuntime } from '../runtime.js';
import { isSame, joinPath, resumableBytes, type CopyContext } from './copy.js';
import { exitCodes, Failure } from './failure.js';

/** Copies a file or a folder from here to a host. */
export async function copyOut(context: CopyContext, source: string, target: string): Promise<void> {
  const path = resolve(source);
  const stats = await stat(path).catch((error: unknown) => {
    throw toFileError(error, source);
  });
  if (stats.isDirectory()) {
    if (!context.options.recursive) {
      throw new Failure(`${JSON.stringify(source)} is a folder: give -r to copy all that is in it.`, exitCodes.usage);
    }
    const there = await infoOf(context, target);
    await copyFolder(context, path, there === undefined ? target : joinPath(target, basename(path)));
    return;
  }
  if (!stats.isFile()) throw new Failure(`${JSON.stringify(source)} is no regular file.`);
  const there = target === '' || target.endsWith('/') ? 'folder' : (await infoOf(context, target))?.type;
  await copyFile(
    context,
    path,
    stats.size,
    there === 'folder' ? joinPath(target.replace(/\/+$/, ''), basename(path)) : target,
  );
}

async function copyFile(context: CopyContext, path: string, size: number, target: string): Promise<void> {
  const offset = await offsetOf(context, path, size, target);
  const wanted: WantedFile = { path: basename(path), offset, ...(context.options.verify ? { hash: 'sha256' } : {}) };
  await send(context, target, false, new RootFolder(dirname(path)), [wanted], size, offset);
}

async function copyFolder(context: CopyContext, path: string, target: string): Promise<void> {
  const { options } = context;
  const root = new RootFolder(path);
  const hash = options.verify ? ({ hash: 'sha256' } as const) : {};
  if (!context.bar.shown && !options.resume) {
    await send(context, target, true, root, [{ path: '', recursive: true, ...hash }], 0, 0);
    return;
  }
  const there = options.resume ? await filesThere(context, target) : new Map<string, FileInfo>();
  const wanted: WantedFile[] = [];
  let [total, before] = [0, 0];
  let untouched = true;
  for await (const file of walkFiles(root)) {
    const { path: name, size, mtime } = file;
    total += size;
    if (isSame(there.get(name), { size, mtime })) {
      before += size;
      untouched = false;
      continue;
    }
    const offset = await offsetOf(context, resolve(path, name), size, joinPath(target, name));
    before += offset;
    if (offset > 0) untouched = false;
    wanted.push({ path: name, offset, ...hash });
  }
  // As one folder where nothing of it is there: its small files go in packs.
  const files = untouched ? [{ path: '', recursive: true, ...hash }] : wanted;
  await send(context, target, true, root, files, total, before);
}

async function send(
  context: CopyContext,
  target: string,
  folder: boolean,
  root: RootFolder,
  wanted: readonly WantedFile[],
  total: number,
  before: number,
): Promise<void> {
  const { connection, options, bar, signal, failed } = context;
  const { resume, fsync } = options;
  const meter = new RateMeter(systemRuntime.now(), before);
  let mode: string | undefined;
  const progress = (step: FileProgress): void => {
    ({ mode } = step);
  };
  const unreadable: FileError[] = [];
  const input = () => filesOf(root, each(wanted), { progress, failed: (error) => unreadable.push(error) });
  const reports$: Observable<WriteReport> = connection.exchange(
    fileRoutes.write,
    { path: target, folder, resume, fsync },
    input,
    { signal },
  );
  let fatal: FileError | undefined;
  const watched$ = reports$.pipe(
    tap((report) => {
      if (report.kind === 'progress') {
        const bytes = before + report.bytes;
        bar.update({ bytes, total, rate: meter.rate(systemRuntime.now(), bytes), mode });
        return;
      }
      const error = fileErrorOf(report, report.path);
      // Without a path it is the end of all.
      if (!folder || report.path === '') fatal ??= error;
      else failed(error);
    }),
  );
  await lastValueFrom(watched$, { defaultValue: undefined });
  for (const error of unreadable) {
    if (folder) failed(error);
    else fatal = error;
  }
  if (fatal !== undefined) throw fatal;
}

/** What of a file the host has already, from an earlier try. */
async function offsetOf(
  { connection, options, signal }: CopyContext,
  path: string,
  size: number,
  target: string,
): Promise<number> {
  if (!options.resume || size < resumableBytes) return 0;
  const answer = await firstValueFrom(connection.request(fileRoutes.stat, { path: target, partial: true }, { signal }));
  if ('failure' in answer) return 0;
  const { part } = answer.value;
  return part !== undefined && part.length <= size && (await begins(path, part)) ? part.length : 0;
}

async function begins(path: string, { length, sha256 }: FilePart): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { end: length - 1, highWaterMark: 1 << 20 })) {
    hash.update(chunk as Uint8Array);
  }
  return Buffer.compare(hash.digest(), sha256) === 0;
}

async function infoOf({ connection, signal }: CopyContext, path: string): Promise<FileInfo | undefined> {
  try {
    return await firstValueFrom(statFile(connection, path, { signal }));
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}

async function filesThere({ connection, signal }: CopyContext, target: string): Promise<Map<string, FileInfo>> {
  try {
    const infos = await firstValueFrom(listFiles(connection, target, { recursive: true, signal }).pipe(toArray()));
    return new Map(infos.map((info) => [info.path, info]));
  } catch (error) {
    if (error instanceof FileNotFoundError) return new Map();
    throw error;
  }
}

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
