import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { firstValueFrom, lastValueFrom, tap } from 'rxjs';
import type { FileItem } from '../../files/file-item.js';
import { fileErrorOf, type FileError } from '../../files/file-error.js';
import type { FileProgress, FileRegion } from '../../files/file-region.js';
import { fileRoutes, type FilePart, type WantedFile } from '../../files/file-routes.js';
import { RateMeter } from '../../files/rate-meter.js';
import { filesOf } from '../../node/files/send/file-source.js';
import type { RootFolder } from '../../node/files/folder/root-folder.js';
import { systemRuntime } from '../../runtime.js';
import { contentBytes } from '../../files/file-item.js';
import { resumableBytes, type CopyContext } from './copy.js';
import { Steps } from './parallel.js';
import { ThrottledRegion } from './throttled-region.js';

/** The target and the source of files that are sent. */
export interface Sending {
  /** The path at the host. */
  readonly target: string;
  /** False: `target` is the path of the one file. */
  readonly folder: boolean;
  readonly root: RootFolder;
  /** With `--preserve`: what the folder itself gets. */
  readonly attributes?: { readonly mode: number; readonly mtime: number };
  /** Of several streams at once: the number of this one, and the sum of their progress. */
  readonly index?: number;
  readonly steps?: Steps;
}

/**
 * Sends files to the host. `more`: regions and items that follow them.
 *
 * Errors: FileError that ends the transfer, or of the only file; those of a call. The failure of one file of a folder
 * is reported.
 */
export async function sendFiles(
  { connection, options, report, signal, throttle }: CopyContext,
  { target, folder, root, attributes, index = 0, steps = new Steps(report) }: Sending,
  wanted: () => AsyncIterable<WantedFile>,
  more: () => AsyncIterable<FileRegion | FileItem> | Iterable<FileRegion | FileItem> = () => [],
): Promise<void> {
  const { resume, fsync, preserve } = options;
  const meter = new RateMeter(systemRuntime.now());
  let mode: string | undefined;
  // Files whose failure this side has reported: the host reports them, too.
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
  const wrap = throttle && ((region: FileRegion): FileRegion => new ThrottledRegion(region, throttle, signal));
  const user = wrap === undefined ? {} : { wrap };
  const input = () => itemsOf(filesOf(root, wanted(), { progress, failed }, user), more, { signal, throttle });
  const request = { path: target, folder, resume, fsync, ...(preserve ? { preserve, ...attributes } : {}) };
  const reports$ = connection.exchange(fileRoutes.write, request, input, { signal });
  const watched$ = reports$.pipe(
    tap((answer) => {
      if (answer.kind === 'progress') {
        const { files, bytes } = answer;
        steps.set(index, { files, bytes, rate: meter.rate(systemRuntime.now(), bytes), mode });
        return;
      }
      // Without a path, the whole transfer has failed.
      if (!folder || answer.path === '') fatal ??= fileErrorOf(answer, answer.path);
      else if (!unreadable.has(answer.path)) report.failed(fileErrorOf(answer, answer.path));
    }),
  );
  await lastValueFrom(watched$, { defaultValue: undefined });
  if (fatal !== undefined) throw fatal;
}

/** The error items of files that cannot be opened here are left out: the host could not say which files they are. */
async function* itemsOf(
  items: AsyncIterable<FileItem | FileRegion>,
  more: () => AsyncIterable<FileRegion | FileItem> | Iterable<FileRegion | FileItem>,
  { signal, throttle }: Pick<CopyContext, 'signal' | 'throttle'>,
): AsyncGenerator<FileItem | FileRegion> {
  for await (const item of items) {
    if ('kind' in item && item.kind === 'error') continue;
    if (throttle !== undefined && 'kind' in item) {
      await throttle.wait(signal);
      throttle.taken(contentBytes(item));
    }
    yield item;
  }
  yield* more();
}

/** The number of bytes that an earlier copy has left at the host. */
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
    // The failure is reported where the file is sent.
    return false;
  }
  return Buffer.compare(hash.digest(), sha256) === 0;
}
