import {
  closeSync,
  constants,
  fstatSync,
  lstat,
  mkdir,
  mkdirSync,
  open,
  openSync,
  readlinkSync,
  realpath,
  realpathSync,
  statSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError } from '../../../errors.js';
import {
  FileConflictError,
  FileNotFoundError,
  FileOutsideRootError,
  NotRegularFileError,
} from '../../../files/file-error.js';
import { diskPace } from '../receive/disk-pace.js';
import { HeldFolder } from './held-folder.js';
import { toFileError } from './system-error.js';
import { isTemporary } from '../receive/temporary.js';

const realpathOf = promisify(realpath.native);
const lstatOf = promisify(lstat);
const openOf = promisify(open);
const makeFolder = promisify(mkdir);

/** A symbolic link is not followed, and a FIFO does not wait for its other end. */
const {
  O_RDONLY,
  O_NOFOLLOW = 0,
  O_NONBLOCK = 0,
  O_DIRECTORY = 0,
} = constants as { O_RDONLY: number } & Partial<typeof constants>;
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

const folderFlags = O_RDONLY | O_NOFOLLOW | O_DIRECTORY;

/** A folder whose files are opened. */
export interface OpenFolder {
  /** Opens a file by its name; `path` names it in errors. @throws FileError */
  open(name: string, path: string): OpenFile;
  close(): void;
}

/** An open file. It is closed when who opened it has closed it and nobody retains it any more. */
export class OpenFile {
  readonly stats: Stats;
  #fd: number;
  #users = 1;

  constructor(fd: number, stats: Stats) {
    this.#fd = fd;
    this.stats = stats;
  }

  /** −1 when it is closed: its number may be another file's. */
  get fd(): number {
    return this.#fd;
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users > 0) return;
    // Nothing was written: this waits for no disk.
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Who opened it is done with it. Once. */
  close(): void {
    this.release();
  }
}

/**
 * A folder that cannot be left. Paths come from the other side: relative, with slashes.
 *
 * A path is looked at as a text, then followed by the system, and what was opened is looked at again: between two looks
 * somebody may put a symbolic link in the way.
 */
export class RootFolder {
  /** Without symbolic links. */
  readonly path: string;

  /** @throws ConfigurationError where there is no such folder. */
  constructor(path: string) {
    try {
      this.path = realpathSync.native(path);
      if (!statSync(this.path).isDirectory()) throw new Error('it is no folder');
    } catch (error) {
      throw new ConfigurationError(`${JSON.stringify(path)} cannot be the root of files: make it a folder first.`, {
        cause: error,
      });
    }
  }

  /** Where a path leads by its text. @throws FileOutsideRootError, FileNotFoundError */
  locate(path: string): string {
    const foreign = sep === '\\' ? /[\\:]/ : undefined;
    const parts = path
      .split('/')
      .filter((part, index, all) => part !== '.' && (part !== '' || (index === 0 && all.length > 1)));
    if (parts[0] === '' || parts.includes('..') || foreign?.test(path) === true) {
      throw new FileOutsideRootError(
        `${JSON.stringify(path)} leads out of the folder that is served. Give a path within it, without '..'.`,
        path,
      );
    }
    if (path.includes('\0') || parts.some(isTemporary)) {
      throw new FileNotFoundError(`There is no ${JSON.stringify(path)}.`, path);
    }
    return join(this.path, ...parts);
  }

  /** Where a path leads, all symbolic links followed. @throws FileError */
  async resolve(path: string): Promise<string> {
    const located = this.locate(path);
    try {
      const real = diskPace.quick ? diskPace.measure(() => realpathSync.native(located)) : await realpathOf(located);
      this.#checkInside(real, path);
      return real;
    } catch (error) {
      throw toFileError(error, path);
    }
  }

  /**
   * Opens a file for reading. `real`: a path within the root that is no symbolic link; `path` names it in errors.
   *
   * @throws FileError
   */
  async openFile(real: string, path: string): Promise<OpenFile> {
    try {
      return this.#opened(await openOf(real, readFlags), real, path);
    } catch (error) {
      throw toFileError(error, path);
    }
  }

  /** {@link openFile}, at once. @throws FileError */
  openFileNow(real: string, path: string): OpenFile {
    try {
      return this.#opened(openSync(real, readFlags), real, path);
    } catch (error) {
      throw toFileError(error, path);
    }
  }

  /**
   * Opens a folder, to open files of it at once. `real`: a path within the root that is no symbolic link; `path` names it in
   * errors. On Linux the folder is looked at once, and its files are opened through it: nobody can put it elsewhere.
   *
   * @throws FileError
   */
  openFolder(real: string, path: string): OpenFolder {
    if (process.platform !== 'linux') {
      return { open: (name, file) => this.openFileNow(join(real, name), file), close() {} };
    }
    let folder: number;
    try {
      folder = openSync(real, folderFlags);
    } catch (error) {
      throw toFileError(error, path);
    }
    const close = (): void => {
      closeSync(folder);
    };
    try {
      this.checkOpened(folder, real, path);
    } catch (error) {
      close();
      throw error;
    }
    const through = `/proc/self/fd/${String(folder)}/`;
    return {
      open: (name, file) => {
        try {
          return this.#opened(openSync(through + name, readFlags), undefined, file);
        } catch (error) {
          throw toFileError(error, file);
        }
      },
      close,
    };
  }

  /**
   * Holds a folder open, to write files into it; `path` names one of them in errors. Undefined on systems other than Linux.
   *
   * @throws FileError
   */
  holdFolder(real: string, path: string): HeldFolder | undefined {
    if (process.platform !== 'linux') return undefined;
    let folder: HeldFolder | undefined;
    try {
      folder = new HeldFolder(real);
      this.checkOpened(folder.fd, real, path);
      return folder;
    } catch (error) {
      folder?.close();
      throw toFileError(error, path);
    }
  }

  // `real`: undefined where the way to it cannot have been another one.
  #opened(fd: number, real: string | undefined, path: string): OpenFile {
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw new NotRegularFileError(`${JSON.stringify(path)} is not a regular file.`, path);
      if (real !== undefined) this.checkOpened(fd, real, path);
      return new OpenFile(fd, stats);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Checks that an open file is within the root, whatever its path says. `opened`: the path that it was opened by. @throws FileError */
  checkOpened(fd: number, opened: string, path: string): void {
    if (process.platform === 'linux') {
      // The kernel's own answer: one call, without disk, and nothing can be changed in between.
      this.#checkInside(readlinkSync(`/proc/self/fd/${String(fd)}`), path);
      return;
    }
    // It was opened a moment ago: this waits for no disk.
    const real = realpathSync.native(opened);
    this.#checkInside(real, path);
    const [there, here] = [statSync(real), fstatSync(fd)];
    if (there.ino !== here.ino || there.dev !== here.dev) this.#refuse(path);
  }

  /**
   * Makes a folder, and those on the way to it. The result is its path without symbolic links.
   *
   * @throws FileError
   */
  async makeFolder(path: string): Promise<string> {
    const located = this.locate(path);
    if (located === this.path) return located;
    const parent = await this.makeFolder(
      dirname(located)
        .slice(this.path.length + 1)
        .replaceAll(sep, '/'),
    );
    const folder = join(parent, basename(located));
    try {
      await makeFolder(folder);
      return folder;
    } catch (error) {
      const failure = toFileError(error, path);
      if (!(failure instanceof FileConflictError)) throw failure;
    }
    try {
      const real = await realpathOf(folder);
      this.#checkInside(real, path);
      if (!(await lstatOf(real)).isDirectory()) {
        throw new NotRegularFileError(`${JSON.stringify(path)} is there, and is no folder.`, path);
      }
      return real;
    } catch (error) {
      throw toFileError(error, path);
    }
  }

  /**
   * Makes a folder at once in one that was made or looked at. Undefined where something has its name already.
   *
   * @throws FileError
   */
  makeFolderNow(parent: string, name: string, path: string): string | undefined {
    const folder = parent + sep + name;
    try {
      diskPace.measure(() => {
        mkdirSync(folder);
      });
      return folder;
    } catch (error) {
      const failure = toFileError(error, path);
      if (failure instanceof FileConflictError) return undefined;
      throw failure;
    }
  }

  #checkInside(real: string, path: string): void {
    if (real !== this.path && !real.startsWith(this.path === sep ? sep : this.path + sep)) this.#refuse(path);
  }

  #refuse(path: string): never {
    throw new FileOutsideRootError(
      `${JSON.stringify(path)} leads out of the folder that is served, through a symbolic link.`,
      path,
    );
  }
}
