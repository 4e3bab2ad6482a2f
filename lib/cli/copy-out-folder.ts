import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError } from '../files/file-error.js';
import type { FileRegion } from '../files/file-region.js';
import type { FileInfo, WantedFile } from '../files/file-routes.js';
import { fileRegion } from '../node/files/send/file-region.js';
import { RootFolder } from '../node/files/folder/root-folder.js';
import { isSame, joinPath, type CopyContext } from './copy.js';
import { listLocal, walkLocal, type LocalEntry } from './local-folder.js';
import { listRemote, remoteInfo } from './remote-folder.js';
import { offsetOf, sendFiles, type Sending } from './send-files.js';
import { withScan } from './with-scan.js';

/**
 * Copies a folder from here to a host.
 *
 * Where nothing of it is there, all of it is sent, small files in packs, while what there is is counted beside that. Else
 * folders are compared one by one, and a folder that is not there at all goes as a whole.
 */
export async function copyFolderOut(context: CopyContext, path: string, target: string): Promise<void> {
  const { options, report } = context;
  const there = options.resume && (await remoteInfo(context, target))?.type === 'folder';
  const plan = new OutgoingPlan(context, path, target);
  if (options.dryRun) {
    for await (const { path: name, recursive } of plan.wanted('', there)) {
      if (recursive !== true) report.would(joinPath(path, name));
    }
    return;
  }
  const sending: Sending = { target, folder: true, root: new RootFolder(path) };
  if (there || plan.picks) {
    await sendFiles(
      context,
      sending,
      () => plan.wanted('', there),
      () => plan.regions(),
    );
    return;
  }
  const whole: WantedFile = { path: '', recursive: true, ...hashOf(context) };
  await withScan(
    context,
    (signal) => plan.count('', signal),
    () =>
      sendFiles(context, sending, async function* () {
        yield whole;
      }),
  );
}

function hashOf({ options }: CopyContext): Pick<WantedFile, 'hash'> {
  return options.verify ? { hash: 'sha256' } : {};
}

/** What of a folder is sent. */
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

  /** True where files are picked one by one. */
  get picks(): boolean {
    const { excludes, links, dryRun } = this.#context.options;
    return excludes !== undefined || links === 'follow' || dryRun;
  }

  /** The files of a folder and below. `there`: the folder is at the host already. */
  async *wanted(below: string, there: boolean): AsyncGenerator<WantedFile> {
    yield* this.#wanted(below, there);
    this.#context.report.foundAll();
  }

  /** Files that links lead to, once all others are sent. */
  *regions(): Generator<FileRegion> {
    const hash = hashOf(this.#context);
    for (const { path, real } of this.#linked) yield fileRegion(real, { as: path, ...hash });
  }

  /** Counts what is sent as a whole, until the signal aborts. What cannot be read is reported where it is sent. */
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
        if (isSame(known.get(entry.path), entry)) report.there(entry.size, true);
        else yield await this.#file(entry.path, entry.size, there);
      }
    }
  }

  async *#folder(path: string, there: boolean): AsyncGenerator<WantedFile> {
    // A folder without anything in it is sent as a whole too: that makes it.
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
    this.#context.report.there(offset, false);
    return { path, offset, ...hashOf(this.#context) };
  }

  /** What the host has of a folder, of the names that are here. */
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
