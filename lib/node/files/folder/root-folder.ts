import { chmodSync, fstatSync, lstatSync, mkdirSync, realpathSync, statSync, utimesSync, type Stats } from 'node:fs';
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
import { diskPace } from '../disk/disk-pace.js';
import { permissionBits, secondsOf } from '../disk/attributes.js';
import { partIn } from '../disk/temporary.js';
import { followLinks } from './follow-links.js';
import { HeldFolder, NamedFolder, type FolderHandle } from '../disk/held-folder.js';
import type { OpenFile } from '../disk/open-file.js';
import { openIn, openInSync } from '../disk/open-in.js';
import { toFileError } from '../disk/system-error.js';

/** An open folder, whose files are opened synchronously. */
export interface OpenFolder {
  /** Opens a file by its name; `path`: names the file in errors. @throws FileError */
  open(name: string, path: string): OpenFile;
  close(): void;
}

/** The attributes of a folder that are transferred with its entries. */
export interface FolderAttributes {
  /** Permission bits. */
  readonly mode: number | undefined;
  /** Time of the last change, in ms since the epoch. */
  readonly mtime: number | undefined;
}

/**
 * Confines file operations to one folder. The paths come from a peer: relative, with slashes.
 *
 * A path is checked as a text ({@link peerParts}), and its symbolic links are followed only as far as they stay within
 * the root. Every file operation uses a name in a folder that is held open, after the kernel was asked where that
 * folder is, so a link that another process swaps in between two steps has no effect. Systems other than Linux cannot
 * hold folders: there, an opened file is compared with the one that its path leads to.
 */
export class RootFolder {
  /** The real path: without symbolic links. */
  readonly path: string;
  /** Other spellings of {@link path} that an absolute link may begin with. */
  readonly #spellings: readonly string[];

  /**
   * `isReal`: the path is within another root and has no symbolic links; it is checked whenever the folder is used.
   *
   * @throws ConfigurationError where there is no such folder.
   */
  constructor(path: string, isReal = false) {
    if (isReal) {
      this.path = path;
      this.#spellings = [path];
      return;
    }
    let isFolder: boolean;
    try {
      this.path = realpathSync.native(path);
      isFolder = statSync(this.path).isDirectory();
    } catch (error) {
      throw new ConfigurationError(
        `${JSON.stringify(path)} cannot be the root of files, because there is no such folder. Make it first.`,
        {
          cause: error,
        },
      );
    }
    if (!isFolder) {
      throw new ConfigurationError(
        `${JSON.stringify(path)} cannot be the root of files, because it is not a folder. Give the path of a folder.`,
      );
    }
    this.#spellings = [this.path, resolve(path)];
  }

  /** The path below the root by its text alone; links are not followed. @throws FileOutsideRootError, FilePathError */
  locate(path: string): string {
    return join(this.path, ...this.#partsOf(path));
  }

  /** The real path of a path, all of whose symbolic links stay within the root. @throws FileError */
  async resolve(path: string): Promise<string> {
    return followLinks({ root: this.path, spellings: this.#spellings, parts: this.#partsOf(path), path });
  }

  /** The status of what a path leads to. @throws FileError */
  async stat(path: string): Promise<Stats> {
    const real = await this.resolve(path);
    if (real === this.path) return this.#within(real, path, (folder) => lstatSync(folder.at()));
    return this.#within(dirname(real), path, (folder) => {
      const stats = folder.lstat(basename(real));
      if (stats === undefined) throw new FileNotFoundError(`${quoted(path)} does not exist.`, path);
      return stats;
    });
  }

  /** The bytes that an interrupted transfer of a file has left, with their hash. @throws FileError */
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
   * Opens a file for reading. `real`: its real path within the root; `path`: names the file in errors.
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

  /** {@link openFile}, synchronously. @throws FileError */
  openFileSync(real: string, path: string): OpenFile {
    return this.#within(this.#folderOf(real, path), path, (folder) => openInSync(folder, basename(real), path));
  }

  /**
   * Opens a folder, to open its files synchronously. `real`: its real path within the root; `path`: names the folder in
   * errors. On Linux the folder is checked once, and its files are opened through it, wherever its path leads
   * meanwhile.
   *
   * @throws FileError
   */
  openFolder(real: string, path: string): OpenFolder {
    const folder = this.openFolderHandle(real, path);
    return {
      open: (name, file) => openInSync(folder, name, file),
      close: () => {
        folder.close();
      },
    };
  }

  /**
   * Opens a folder, and checks that it is within the root. `real`: its real path; `path`: the folder, or a file in it,
   * in errors. The caller closes it.
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
   * Makes a folder and those on the way to it, where they are missing. The result is its real path.
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
      throw new FileConflictError(`${quoted(path)} exists and is not a folder.`, path);
    }
    return real;
  }

  /** {@link makeFolder}, for a folder that becomes a root of its own. @throws FileError */
  async sub(path: string): Promise<RootFolder> {
    return new RootFolder(await this.makeFolder(path), true);
  }

  /**
   * Makes a folder synchronously in one whose real path is known. Undefined where the name is taken.
   *
   * @throws FileError
   */
  makeFolderSync(parent: string, name: string, path: string): string | undefined {
    return diskPace.measure(() => (this.#makeIn(parent, name, path) ? join(parent, name) : undefined));
  }

  /**
   * Gives an existing folder its attributes. `real`: its real path; `path`: names the folder in errors. @throws
   * FileError
   */
  setFolderAttributes(real: string, path: string, { mode, mtime }: FolderAttributes): void {
    this.#within(real, path, (folder) => {
      if (mode !== undefined) chmodSync(folder.at(), mode & permissionBits);
      if (mtime !== undefined) utimesSync(folder.at(), secondsOf(mtime), secondsOf(mtime));
    });
  }

  /** False: the name is taken. */
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
    return this.#within(dirname(real), path, (folder) => folder.lstat(basename(real))?.isDirectory() === true);
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

  /** The folder of a file. The root has none: nothing outside it is touched. @throws NotRegularFileError */
  #folderOf(real: string, path: string): string {
    if (real === this.path) throw new NotRegularFileError(`${quoted(path)} is not a regular file.`, path);
    return dirname(real);
  }

  #named(real: string, path: string): FolderHandle {
    try {
      // The path was resolved a moment ago, so this does not wait for the disk.
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
    throw new FileOutsideRootError(`${quoted(path)} leads out of the served folder through a symbolic link.`, path);
  }
}
