import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError } from '../../files/file-error.js';
import type { FileRegion } from '../../files/file-region.js';
import type { FileInfo, WantedFile } from '../../files/file-routes.js';
import { fileRegion } from '../../node/files/send/file-region.js';
import { RootFolder } from '../../node/files/folder/root-folder.js';
import type { FileItem } from '../../files/file-item.js';
import { isSame, type CopyContext } from './copy.js';
import { joinPath } from '../paths/path-text.js';
import { deleteExtraThere } from './delete-extra.js';
import { parallel, shared, Steps } from './parallel.js';
import { listLocal, walkLocal, type LocalEntry } from '../paths/local-folder.js';
import { listRemote, remoteInfo } from '../paths/remote-folder.js';
import { offsetOf, sendFiles, type Sending } from './send-files.js';
import { withScan } from './with-scan.js';

/** A folder here. */
interface Source {
  /** The real path. */
  readonly path: string;
  /** As the user typed it. */
  readonly shown: string;
}

/**
 * Copies a folder from here to a host.
 *
 * Where the target is new, the folder is sent as a whole, with small files in packs, and its files are counted
 * meanwhile. Otherwise folders are compared one by one, and a folder that the host does not have is sent as a whole.
 */
export async function copyFolderOut(context: CopyContext, { path, shown }: Source, target: string): Promise<void> {
  const { options, report } = context;
  const exists = (options.resume || options.dryRun) && (await remoteInfo(context, target))?.type === 'folder';
  const there = options.resume && exists;
  const stats = await stat(path);
  const plan = new OutgoingPlan(context, path, target);
  if (options.dryRun) {
    for await (const { path: name, recursive } of plan.wanted('', there)) {
      if (recursive === true) continue;
      const found = await stat(join(path, name)).catch(() => undefined);
      report.would(joinPath(shown.replace(/(?<=.)\/+$/, ''), name), found?.size);
    }
    if (exists) await deleteExtraThere(context, { path, stats }, target);
    return;
  }
  const { preserve } = options;
  const attributes = preserve ? { attributes: { mode: stats.mode & 0o777, mtime: Math.floor(stats.mtimeMs) } } : {};
  const sending: Sending = { target, folder: true, root: new RootFolder(path), ...attributes };
  if (there || plan.picks) await sendPicked(context, sending, plan, there);
  else await sendWhole(context, sending, plan);
  await deleteExtraThere(context, { path, stats }, target);
}

/** Sends files one by one, on as many streams as the user wants. */
async function sendPicked(context: CopyContext, sending: Sending, plan: OutgoingPlan, there: boolean): Promise<void> {
  const wanted = shared(plan.wanted('', there));
  const steps = new Steps(context.report);
  await parallel(context.options.parallel, context.signal, (index, signal) =>
    sendFiles(
      { ...context, signal },
      { ...sending, index, steps },
      () => wanted,
      () => (index === 0 ? plan.rest() : []),
    ),
  );
}

async function sendWhole(context: CopyContext, sending: Sending, plan: OutgoingPlan): Promise<void> {
  const whole: WantedFile = { path: '', recursive: true, ...hashOf(context) };
  await withScan(
    context,
    (signal) => plan.count('', signal),
    () =>
      sendFiles(
        context,
        sending,
        async function* () {
          yield whole;
        },
        () => plan.rest(),
      ),
  );
}

function hashOf({ options }: CopyContext): Pick<WantedFile, 'hash'> {
  return options.verify ? { hash: 'sha256' } : {};
}

/** Decides which files of a folder are sent. */
class OutgoingPlan {
  readonly #context: CopyContext;
  readonly #path: string;
  readonly #target: string;
  readonly #linked: (LocalEntry & { readonly kind: 'linked' })[] = [];

  constructor(context: CopyContext, path: string, target: string) {
    this.#context = context;
    this.#path = path;
    this.#target = target;
  }

  /** True: files are picked one by one. */
  get picks(): boolean {
    const { excludes, links, dryRun, parallel: streams } = this.#context.options;
    return excludes !== undefined || links === 'follow' || dryRun || streams > 1;
  }

  /** The files of a folder and of those below it. `there`: the host has the folder already. */
  async *wanted(below: string, there: boolean): AsyncGenerator<WantedFile> {
    yield* this.#wanted(below, there);
    this.#context.report.foundAll();
  }

  /** What follows the other files: those that links lead to, and with `--preserve` the attributes of folders. */
  async *rest(): AsyncGenerator<FileRegion | FileItem> {
    const hash = hashOf(this.#context);
    for (const { path, real } of this.#linked) yield fileRegion(real, { as: path, ...hash });
    if (!this.#context.options.preserve) return;
    for await (const entry of walkLocal(this.#path, '', this.#context.options)) {
      if (entry.kind !== 'folder') continue;
      const stats = await stat(join(this.#path, entry.path)).catch(() => undefined);
      if (stats === undefined) continue;
      const [mode, mtime] = [stats.mode & 0o777, Math.max(0, Math.floor(stats.mtimeMs))];
      yield { kind: 'header', path: `${entry.path}/`, size: 0, offset: 0, length: 0, mode, mtime };
      yield { kind: 'end', length: 0 };
    }
  }

  /**
   * Counts the files of a folder that is sent as a whole, until the signal aborts. Failures are reported where files
   * are sent.
   */
  async count(below: string, signal: AbortSignal): Promise<void> {
    for await (const entry of walkLocal(this.#path, below, this.#context.options)) {
      if (signal.aborted) return;
      this.#note(entry);
    }
    if (below === '') this.#context.report.foundAll();
  }

  async *#wanted(below: string, there: boolean): AsyncGenerator<WantedFile> {
    const { options, report, signal } = this.#context;
    const known = there ? await this.#known(below) : new Map<string, FileInfo>();
    for await (const entry of listLocal(this.#path, below, options)) {
      signal.throwIfAborted();
      this.#note(entry);
      if (entry.kind === 'failure') report.failed(entry.error);
      else if (entry.kind === 'linked') {
        if (options.dryRun) yield { path: entry.path };
        else this.#linked.push(entry);
      } else if (entry.kind === 'folder') yield* this.#folder(entry.path, known.get(entry.path)?.type === 'folder');
      else if (entry.kind === 'file') {
        if (isSame(known.get(entry.path), entry)) report.present(entry.size, true);
        else yield await this.#file(entry.path, entry.size, there);
      }
    }
  }

  async *#folder(path: string, there: boolean): AsyncGenerator<WantedFile> {
    // An empty folder is sent as a whole, too, so that it is made.
    const empty = !there && (await isEmpty(join(this.#path, path)));
    if (there || (this.picks && !empty)) {
      yield* this.#wanted(path, there);
      return;
    }
    yield { path, as: path, recursive: true, ...hashOf(this.#context) };
    await this.count(path, this.#context.signal);
  }

  async #file(path: string, size: number, there: boolean): Promise<WantedFile> {
    const local = join(this.#path, path);
    const offset = there ? await offsetOf(this.#context, local, size, joinPath(this.#target, path)) : 0;
    this.#context.report.present(offset, false);
    return { path, offset, ...hashOf(this.#context) };
  }

  /** The entries of the host's folder whose names are here, too. */
  async #known(below: string): Promise<Map<string, FileInfo>> {
    const { options, report } = this.#context;
    const known = new Map<string, FileInfo>();
    const names = new Set<string>();
    for await (const entry of listLocal(this.#path, below, { ...options, links: 'skip' })) {
      if ('path' in entry) names.add(entry.path);
    }
    try {
      for await (const info of listRemote(this.#context, joinPath(this.#target, below))) {
        const path = joinPath(below, info.path);
        if (names.has(path)) known.set(path, info);
      }
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      report.failed(error);
    }
    return known;
  }

  #note(entry: LocalEntry): void {
    const { report } = this.#context;
    if (entry.kind === 'file' || entry.kind === 'linked') report.found(entry.size);
    else if (entry.kind === 'other') report.skipped(entry.path, entry.what);
  }
}

async function isEmpty(folder: string): Promise<boolean> {
  return readdir(folder).then(
    (names) => names.length === 0,
    () => false,
  );
}
