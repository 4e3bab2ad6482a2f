import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { firstValueFrom, lastValueFrom, tap } from 'rxjs';
import type { FileItem } from '../files/file-item.js';
import { fileErrorOf, type FileError } from '../files/file-error.js';
import type { FileProgress, FileRegion } from '../files/file-region.js';
import { fileRoutes, type FilePart, type WantedFile } from '../files/file-routes.js';
import { RateMeter } from '../files/rate-meter.js';
import { filesOf } from '../node/files/send/file-source.js';
import type { RootFolder } from '../node/files/folder/root-folder.js';
import { systemRuntime } from '../runtime.js';
import { resumableBytes, type CopyContext } from './copy.js';

/** Where files go, and where they are. */
export interface Sending {
  /** The path at the host. */
  readonly target: string;
  /** False: it is the name of the one file. */
  readonly folder: boolean;
  readonly root: RootFolder;
}

/**
 * Sends files to the host. `more` gives regions that are not in the root, behind the others.
 *
 * Errors: FileError where all ends, or for the only file; those of a call. What fails one file of a folder is reported.
 */
export async function sendFiles(
  { connection, options, report, signal }: CopyContext,
  { target, folder, root }: Sending,
  wanted: () => AsyncIterable<WantedFile>,
  more: () => Iterable<FileRegion> = () => [],
): Promise<void> {
  const { resume, fsync } = options;
  const meter = new RateMeter(systemRuntime.now());
  let mode: string | undefined;
  // Those that this side knows of: the host, which is told, says the same of them.
  const unreadable = new Set<string>();
  let fatal: FileError | undefined;
  const failed = (error: FileError): void => {
    unreadable.add(error.path);
    if (folder) report.failed(error);
    else fatal ??= error;
  };
  const progress = (step: FileProgress): void => {
    ({ mode } = step);
    report.because(step.mode, step.reason);
  };
  const input = () => itemsOf(filesOf(root, wanted(), { progress, failed }), more);
  const reports$ = connection.exchange(fileRoutes.write, { path: target, folder, resume, fsync }, input, { signal });
  const watched$ = reports$.pipe(
    tap((told) => {
      if (told.kind === 'progress') {
        const { files, bytes } = told;
        report.step({ files, bytes, rate: meter.rate(systemRuntime.now(), bytes), mode });
        return;
      }
      // Without a path it is the end of all.
      if (!folder || told.path === '') fatal ??= fileErrorOf(told, told.path);
      else if (!unreadable.has(told.path)) report.failed(fileErrorOf(told, told.path));
    }),
  );
  await lastValueFrom(watched$, { defaultValue: undefined });
  if (fatal !== undefined) throw fatal;
}

/** What cannot be opened here needs no item: the host could not say which file it was. */
async function* itemsOf(
  items: AsyncIterable<FileItem | FileRegion>,
  more: () => Iterable<FileRegion>,
): AsyncGenerator<FileItem | FileRegion> {
  for await (const item of items) if (!('kind' in item && item.kind === 'error')) yield item;
  yield* more();
}

/** What of a file the host has already, from an earlier try. */
export async function offsetOf(
  { connection, options, signal }: CopyContext,
  path: string,
  size: number,
  target: string,
): Promise<number> {
  if (!options.resume || size < resumableBytes) return 0;
  const answer = await firstValueFrom(connection.request(fileRoutes.stat, { path: target, partial: true }, { signal }));
  if ('failure' in answer) return 0;
  const { part } = answer.value;
  return part !== undefined && part.length <= size && (await begins(path, part, signal)) ? part.length : 0;
}

async function begins(path: string, { length, sha256 }: FilePart, signal: AbortSignal): Promise<boolean> {
  if (!Number.isSafeInteger(length) || length < 1) return false;
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { end: length - 1, highWaterMark: 1 << 20, signal })) {
      hash.update(chunk as Uint8Array);
    }
  } catch {
    if (signal.aborted) throw signal.reason;
    // It is reported where it is sent.
    return false;
  }
  return Buffer.compare(hash.digest(), sha256) === 0;
}
