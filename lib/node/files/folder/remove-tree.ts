import { opendir, rmdirSync, type Dir, type Dirent } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { FileConflictError, FilePathError } from '../../../files/file-error.js';
import { isOwnName, peerName, quoted } from '../../../files/peer-path.js';
import { maxFolderNames, maxPathLevels } from '../../../bounds.js';
import { isOwned } from '../disk/owner.js';
import type { RootFolder } from './root-folder.js';
import { toFileError } from '../disk/system-error.js';

const opendirOf = promisify(opendir) as (path: string) => Promise<Dir>;
/** Entries that are removed before the event loop has a turn. */
const turnEntries = 64;

/** How a removal is done. */
export interface RemoveOptions {
  /** True: a folder is removed with all that is in it. Default false: only an empty folder is removed. */
  readonly recursive?: boolean | undefined;
  /** Stops the removal between two entries; its reason is the error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Removes a file, a symbolic link (not what it leads to), or a folder within the root. Yields the number of entries
 * removed so far, now and then and at the end. A file that a running process is receiving is not removed, nor is the
 * folder it is in.
 *
 * Errors: FileError; the reason of the signal.
 */
export async function* removeTree(
  root: RootFolder,
  path: string,
  { recursive = false, signal }: RemoveOptions = {},
): AsyncGenerator<number> {
  // A peer cannot remove the root itself: this refuses an empty path.
  const parts = peerName(path, process.platform === 'win32');
  const name = parts.pop()!;
  const real = join(await root.resolve(parts.join('/')), name);
  const removal = new Removal(root, recursive, signal);
  yield* removal.remove(real, path, parts.length + 1);
  yield removal.removed;
}

class Removal {
  removed = 0;

  readonly #root: RootFolder;
  readonly #recursive: boolean;
  readonly #signal: AbortSignal | undefined;

  constructor(root: RootFolder, recursive: boolean, signal: AbortSignal | undefined) {
    this.#root = root;
    this.#recursive = recursive;
    this.#signal = signal;
  }

  async *remove(real: string, path: string, level: number): AsyncGenerator<number> {
    if (level > maxPathLevels) {
      throw new FilePathError(`${quoted(path)} has more than ${maxPathLevels} levels, which is the limit.`, path);
    }
    if (this.#unlink(real, path)) return;
    if (this.#recursive) {
      // A pass that finds nothing to remove shows that the folder is empty, or that the rest must stay.
      for (let before = -1; before < this.removed;) {
        before = this.removed;
        for (const name of await this.#names(real, path)) {
          yield* this.remove(join(real, name), `${path}/${name}`, level + 1);
          if (this.removed % turnEntries === 0) {
            yield this.removed;
            await setImmediate();
            this.#signal?.throwIfAborted();
          }
        }
      }
    }
    this.#inParent(real, path, (entry) => {
      rmdirSync(entry);
    });
    this.removed++;
  }

  /** Removes anything but a folder. False: it is a folder. */
  #unlink(real: string, path: string): boolean {
    const folder = this.#root.openFolderHandle(dirname(real), path);
    try {
      const name = basename(real);
      const stats = folder.lstat(name);
      if (stats?.isDirectory() === true) return false;
      folder.remove(name);
      this.removed++;
      return true;
    } catch (error) {
      throw toFileError(error, path);
    } finally {
      folder.close();
    }
  }

  /** Some of the names in a folder, which is closed again: the folders below it may be many levels deep. */
  async #names(real: string, path: string): Promise<string[]> {
    const folder = this.#root.openFolderHandle(real, path);
    try {
      const names: string[] = [];
      const dir = await opendirOf(folder.at());
      // Leaving the loop closes the directory.
      for await (const entry of dir as AsyncIterable<Dirent>) {
        const { name } = entry;
        if (isOwnName(name) && isOwned(name) === true) continue;
        names.push(name);
        if (names.length === maxFolderNames) break;
      }
      return names;
    } catch (error) {
      throw toFileError(error, path);
    } finally {
      folder.close();
    }
  }

  #inParent(real: string, path: string, work: (entry: string) => void): void {
    const folder = this.#root.openFolderHandle(dirname(real), path);
    try {
      work(folder.at(basename(real)));
    } catch (error) {
      const failure = toFileError(error, path);
      if (!(failure instanceof FileConflictError)) throw failure;
      const rest = this.#recursive ? 'a file in it is being received' : 'remove it recursively';
      throw new FileConflictError(`${quoted(path)} is a folder that is not empty: ${rest}.`, path, { cause: error });
    } finally {
      folder.close();
    }
  }
}
