import { readdir } from 'node:fs/promises';
import { lastValueFrom, tap } from 'rxjs';
import { FileError } from '../../files/file-error.js';
import { fileRoutes, type FileInfo, type WantedFile } from '../../files/file-routes.js';
import { RootFolder } from '../../node/files/folder/root-folder.js';
import { sweepTemporaries } from '../../node/files/folder/sweep.js';
import { receiveInto } from '../../node/files/receive/receive-files.js';
import { takeUntilAborted } from '../../operators/take-until-aborted.js';
import { systemRuntime } from '../../runtime.js';
import { isSame, resumableBytes, type CopyContext } from './copy.js';
import { joinPath } from '../paths/path-text.js';
import { deleteExtraHere } from './delete-extra.js';
import { parallel, shared, Steps } from './parallel.js';
import type { Step } from './report.js';
import { entriesOf, remoteInfo, walkRemote } from '../paths/remote-folder.js';
import { makeFolder, namesIn } from '../paths/user-folder.js';
import { statsIn } from './target-stats.js';
import { withScan } from './with-scan.js';

/** A file that is to be copied. */
interface Planned {
  readonly wanted: WantedFile;
  /** Bytes of the whole file. */
  readonly size: number;
}

/** An entry that is neither a file nor a folder: the host does not say which kind it is. */
const unknownKind = 'a link, a device, a pipe or a socket';

/**
 * Copies a folder of a host to here.
 *
 * Where the target is new, the host sends the whole folder, with small files in packs, and its files are counted
 * meanwhile. Otherwise each file of the host's listing is compared, and requested where it differs, as the listing
 * comes.
 */
export async function copyFolderIn(context: CopyContext, source: string, target: string): Promise<void> {
  const { options, report } = context;
  if (options.dryRun) {
    const root = (await exists(target)) ? new RootFolder(target) : undefined;
    const plan = new IncomingPlan(context, source, root);
    for await (const { wanted, size } of plan.files()) report.would(wanted.path, size);
    if (root !== undefined) await deleteExtraHere(context, root, plan.paths);
    return;
  }
  await makeFolder(target);
  const root = new RootFolder(target);
  const isOccupied = (await namesIn(target)).length > 0;
  const continues = options.resume && isOccupied;
  const picks = options.excludes !== undefined || options.links === 'follow' || options.parallel > 1 || options.delete;
  if (continues || picks) {
    const plan = new IncomingPlan(context, source, root);
    const wanted = shared(wantedBy(plan.files()));
    const steps = new Steps(report);
    await parallel(options.parallel, context.signal, (index, signal) =>
      receive(
        { ...context, signal },
        () => wanted,
        root,
        (step) => {
          steps.set(index, step);
        },
      ),
    );
    await deleteExtraHere(context, root, plan.paths);
    // Temporary files of killed runs are of no use once this run has ended. Their removal changes the time of their
    // folder.
    if (isOccupied) await sweepTemporaries(root).catch(() => undefined);
    plan.setFolderAttributes();
  } else {
    if (isOccupied) await sweepTemporaries(root).catch(() => undefined);
    const whole: WantedFile = {
      path: source,
      recursive: true,
      ...(options.preserve ? { folders: true } : {}),
      ...hashOf(context),
    };
    await withScan(
      context,
      (signal) => countIn({ ...context, signal }, source),
      () =>
        receive(
          context,
          () => [whole],
          root,
          (step) => {
            report.step(step);
          },
        ),
    );
  }
  if (options.preserve) root.setFolderAttributes(root.path, source, await remoteAttributes(context, source));
}

async function remoteAttributes(context: CopyContext, source: string): Promise<Pick<FileInfo, 'mode' | 'mtime'>> {
  return (await remoteInfo(context, source)) ?? { mode: 0o777, mtime: systemRuntime.wallNow() };
}

async function* wantedBy(plan: AsyncIterable<Planned>): AsyncGenerator<WantedFile> {
  for await (const { wanted } of plan) yield wanted;
}

function hashOf({ options }: CopyContext): Pick<WantedFile, 'hash'> {
  return options.verify ? { hash: 'sha256' } : {};
}

async function receive(
  { connection, options, report, signal, throttle }: CopyContext,
  wanted: () => Iterable<WantedFile> | AsyncIterable<WantedFile>,
  root: RootFolder,
  progressed: (step: Step) => void,
): Promise<void> {
  const { resume, verify, fsync, preserve } = options;
  const files$ = connection.exchange(fileRoutes.read, undefined, wanted).pipe(
    takeUntilAborted(signal),
    receiveInto(
      root,
      { resume, fsync, verify, preserve, reuse: true, ...(resume ? { offset: Number.MAX_SAFE_INTEGER } : {}) },
      throttle,
    ),
    tap(({ files, received, rate, mode, failure }) => {
      if (failure !== undefined) report.failed(failure);
      if (mode !== undefined) report.because(mode, 'so the host says.');
      progressed({ files, bytes: received, rate, mode });
    }),
  );
  await lastValueFrom(files$, { defaultValue: undefined });
}

/** Counts the files, and reports what is left out. Folders that cannot be listed are reported where they are read. */
async function countIn(context: CopyContext, source: string): Promise<void> {
  const { report } = context;
  for await (const entry of entriesOf(context, source, true)) {
    if ('failure' in entry) continue;
    const { type, path, size } = entry.info;
    if (type === 'file') report.found(size);
    else if (type === 'other') report.skipped(joinPath(source, path), unknownKind);
  }
  report.foundAll();
}

/**
 * Decides which files of a folder of the host are requested. Its names are the host's: they are used within the root
 * alone.
 */
class IncomingPlan {
  /** With `--delete`: all paths of the source, relative to it. */
  readonly paths = new Set<string>();
  readonly #context: CopyContext;
  readonly #source: string;
  readonly #root: RootFolder | undefined;
  // With `--preserve`: the folders that are made, with their real paths.
  readonly #folders: { readonly real: string; readonly info: FileInfo }[] = [];

  constructor(context: CopyContext, source: string, root: RootFolder | undefined) {
    this.#context = context;
    this.#source = source;
    this.#root = root;
  }

  /** The files to request, as the listing comes. */
  async *files(): AsyncGenerator<Planned> {
    const { options, report, signal } = this.#context;
    for await (const entry of walkRemote(this.#context, this.#source, options.excludes)) {
      signal.throwIfAborted();
      if ('failure' in entry) {
        report.failed(entry.failure);
        continue;
      }
      try {
        if (options.delete) this.paths.add(entry.info.path);
        const planned = await this.#planned(entry.info);
        if (planned !== undefined) yield planned;
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        report.failed(error);
      }
    }
    report.foundAll();
  }

  /** Gives the folders their attributes, after the last file was written. */
  setFolderAttributes(): void {
    // The entries of a folder come before the folder: writing one would change the folder's time.
    for (const { real, info } of this.#folders.reverse()) {
      try {
        this.#root?.setFolderAttributes(real, info.path, info);
      } catch (error) {
        this.#context.report.failed(error);
      }
    }
  }

  async #planned(info: FileInfo): Promise<Planned | undefined> {
    const { options, report, signal } = this.#context;
    const root = this.#root;
    const path = joinPath(this.#source, info.path);
    if (info.type === 'folder') {
      if (options.dryRun || root === undefined) return undefined;
      const real = await root.makeFolder(info.path);
      if (options.preserve) this.#folders.push({ real, info });
      return undefined;
    }
    const file = info.type === 'other' ? await this.#linkedFile(path) : info;
    if (file === undefined) return undefined;
    const { size } = file;
    report.found(size);
    const here = options.resume && root !== undefined ? await infoHere(root, info.path) : undefined;
    if (isSame(here, file)) {
      report.present(size, true);
      return undefined;
    }
    const wanted: WantedFile = { path, as: info.path, ...hashOf(this.#context) };
    const mayContinue = options.resume && root !== undefined && size >= resumableBytes;
    const have = mayContinue ? await root.part(info.path, signal) : undefined;
    if (have === undefined) return { wanted, size };
    report.present(have.length, false);
    return { wanted: { ...wanted, have }, size };
  }

  /** The file that a link of the host leads to, with `--links follow`. Undefined: the entry is left out. */
  async #linkedFile(path: string): Promise<FileInfo | undefined> {
    const { options, report } = this.#context;
    const linked = options.links === 'follow' ? await remoteInfo(this.#context, path) : undefined;
    if (linked?.type === 'file') return linked;
    report.skipped(path, linked?.type === 'folder' ? 'a link to a folder' : unknownKind);
    return undefined;
  }
}

async function infoHere(root: RootFolder, path: string): Promise<Pick<FileInfo, 'size' | 'mtime'> | undefined> {
  const stats = await statsIn(root, path);
  return stats?.isFile() === true ? { size: stats.size, mtime: stats.mtimeMs } : undefined;
}

async function exists(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  );
}
