import { fstatSync, lstatSync, mkdirSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { ConfigurationError } from '../../../errors.js';
import {
  FileConflictError,
  FileNotFoundError,
  FileOutsideRootError,
  NotRegularFileError,
} from '../../../files/file-error.js';
import type { FilePart } from '../../../files/file-routes.js';
import { peerParts, quoted } from '../../../files/peer-path.js';
import { diskPace } from '../receive/disk-pace.js';
import { partIn } from '../receive/temporary.js';
import { followLinks } from './follow-links.js';
import { HeldFolder, NamedFolder, type FolderHandle } from './held-folder.js';
import type { OpenFile } from './open-file.js';
import { openIn, openInNow } from './open-in.js';
import { toFileError } from './system-error.js';

/** A folder whose files are opened. */
export interface OpenFolder {
  /** Opens a file by its name; `path` names it in errors. @throws FileError */
  open(name: string, path: string): OpenFile;
  close(): void;
}

/**
 * A folder that cannot be left. Paths come from the other side: relative, with slashes.
 *
 * A path is checked as a text ({@link peerParts}); its symbolic links are followed only as far as they stay within the root;
 * and whatever is opened, made, renamed, measured or listed is so by a name in a folder that is held open, after the kernel
 * was asked where that folder is. So a link that is put in the way between two steps does not help. On systems other than
 * Linux folders cannot be held: there, what was opened is compared with what its path leads to.
 */
export class RootFolder {
  /** Without symbolic links. */
  readonly path: string;
  /** Other spellings of {@link path} that an absolute link may begin with. */
  readonly #spellings: readonly string[];

  /**
   * `isReal`: the path is within another root and has no symbolic links; it is checked whenever something in it is used.
   *
   * @throws ConfigurationError where there is no such folder.
   */
  constructor(path: string, isReal = false) {
    if (isReal) {
      this.path = path;
      this.#spellings = [path];
      return;
    }
    try {
      this.path = realpathSync.native(path);
      if (!statSync(this.path).isDirectory()) throw new Error('it is no folder');
    } catch (error) {
      throw new ConfigurationError(`${JSON.stringify(path)} cannot be the root of files: make it a folder first.`, {
        cause: error,
      });
    }
    this.#spellings = [this.path, resolve(path)];
  }

  /** Where a path leads by its text. @throws FileOutsideRootError, FilePathError */
  locate(path: string): string {
    return join(this.path, ...this.#partsOf(path));
  }

  /** Where a path leads, all symbolic links followed, each of which stays within the root. @throws FileError */
  async resolve(path: string): Promise<string> {
    return followLinks({ root: this.path, spellings: this.#spellings, parts: this.#partsOf(path), path });
  }

  /** What is known about what a path leads to. @throws FileError */
  async stat(path: string): Promise<Stats> {
    const real = await this.resolve(path);
    if (real === this.path) return this.#within(real, path, (folder) => lstatSync(folder.at()));
    return this.#within(dirname(real), path, (folder) => {
      const stats = folder.look(basename(real));
      if (stats === undefined) throw new FileNotFoundError(`There is no ${quoted(path)}.`, path);
      return stats;
    });
  }

  /** What is there of a file whose transfer broke off, with its hash. @throws FileError */
  async part(path: string, signal?: AbortSignal, peer?: string): Promise<FilePart | undefined> {
    const parts = this.#partsOf(path);
    const name = parts.at(-1);
    if (name === undefined) return undefined;
    let folder: string;
    try {
      folder = await this.resolve(parts.slice(0, -1).join('/'));
    } catch (error) {
      // A file whose folder is missing has no part.
      if (error instanceof FileNotFoundError) return undefined;
      throw error;
    }
    const held = this.openFolderHandle(folder, path);
    try {
      return await partIn(held, name, signal, peer);
    } finally {
      held.close();
    }
  }

  /**
   * Opens a file for reading. `real`: a path within the root that is no symbolic link; `path` names it in errors.
   *
   * @throws FileError
   */
  async openFile(real: string, path: string): Promise<OpenFile> {
    const folder = this.openFolderHandle(this.#folderOf(real, path), path);
    try {
      return await openIn(folder, basename(real), path);
    } finally {
      folder.close();
    }
  }

  /** {@link openFile}, at once. @throws FileError */
  openFileNow(real: string, path: string): OpenFile {
    return this.#within(this.#folderOf(real, path), path, (folder) => openInNow(folder, basename(real), path));
  }

  /**
   * Opens a folder, to open files of it at once. `real`: a path within the root that is no symbolic link; `path` names it in
   * errors. On Linux the folder is checked once, and its files are opened through it: nobody can put it elsewhere.
   *
   * @throws FileError
   */
  openFolder(real: string, path: string): OpenFolder {
    const folder = this.openFolderHandle(real, path);
    return {
      open: (name, file) => openInNow(folder, name, file),
      close: () => {
        folder.close();
      },
    };
  }

  /**
   * Opens a folder of the root, and checks that it is one. `real`: a path within the root without symbolic links; `path`
   * names it, or a file in it, in errors. Close it.
   *
   * @throws FileError
   */
  openFolderHandle(real: string, path: string): FolderHandle {
    if (process.platform !== 'linux') return this.#named(real, path);
    let folder: HeldFolder | undefined;
    try {
      folder = new HeldFolder(real);
      this.#checkInside(folder.path, path);
      return folder;
    } catch (error) {
      folder?.close();
      throw toFileError(error, path);
    }
  }

  /**
   * Makes a folder, and those on the way to it. The result is its path without symbolic links.
   *
   * @throws FileError
   */
  async makeFolder(path: string): Promise<string> {
    const parts = this.#partsOf(path);
    const real = await followLinks({
      root: this.path,
      spellings: this.#spellings,
      parts,
      path,
      missing: (parent, name) => {
        this.#makeIn(parent, name, path);
      },
    });
    if (!(await this.#isFolder(real, path))) {
      throw new FileConflictError(`${quoted(path)}: something is there already that is no folder.`, path);
    }
    return real;
  }

  /** Makes a folder, as {@link makeFolder} does, which is then a root of its own. @throws FileError */
  async sub(path: string): Promise<RootFolder> {
    return new RootFolder(await this.makeFolder(path), true);
  }

  /**
   * Makes a folder at once in one that was made or looked at. Undefined where something has its name already.
   *
   * @throws FileError
   */
  makeFolderNow(parent: string, name: string, path: string): string | undefined {
    return diskPace.measure(() => (this.#makeIn(parent, name, path) ? join(parent, name) : undefined));
  }

  /** False where something has the name. */
  #makeIn(parent: string, name: string, path: string): boolean {
    return this.#within(parent, path, (folder) => {
      try {
        mkdirSync(folder.at(name));
        return true;
      } catch (error) {
        const failure = toFileError(error, path);
        if (failure instanceof FileConflictError) return false;
        throw failure;
      }
    });
  }

  async #isFolder(real: string, path: string): Promise<boolean> {
    if (real === this.path) return true;
    return this.#within(dirname(real), path, (folder) => folder.look(basename(real))?.isDirectory() === true);
  }

  #within<T>(real: string, path: string, work: (folder: FolderHandle) => T): T {
    const folder = this.openFolderHandle(real, path);
    try {
      return work(folder);
    } catch (error) {
      throw toFileError(error, path);
    } finally {
      folder.close();
    }
  }

  /** The folder that a file is in. The root is no file, and what it is in is not touched. @throws NotRegularFileError */
  #folderOf(real: string, path: string): string {
    if (real === this.path) throw new NotRegularFileError(`${quoted(path)} is not a regular file.`, path);
    return dirname(real);
  }

  #named(real: string, path: string): FolderHandle {
    try {
      // It was looked at a moment ago: this waits for no disk.
      this.#checkInside(realpathSync.native(real), path);
    } catch (error) {
      throw toFileError(error, path);
    }
    return new NamedFolder(real, (fd, opened) => {
      const now = realpathSync.native(opened);
      this.#checkInside(now, path);
      const [there, here] = [statSync(now), fstatSync(fd)];
      if (there.ino !== here.ino || there.dev !== here.dev) this.#refuse(path);
    });
  }

  #partsOf(path: string): readonly string[] {
    return peerParts(path, sep === '\\');
  }

  #checkInside(real: string, path: string): void {
    if (real !== this.path && !real.startsWith(this.path === sep ? sep : this.path + sep)) this.#refuse(path);
  }

  #refuse(path: string): never {
    throw new FileOutsideRootError(
      `${quoted(path)} leads out of the folder that is served, through a symbolic link.`,
      path,
    );
  }
}
