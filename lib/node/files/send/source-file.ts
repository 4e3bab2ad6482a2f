import { close, constants, fstat, fstatSync, open, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { FileIoError, NotRegularFileError, type FileChangedError } from '../../../files/file-error.js';
import { boundsOf, type RegionOptions } from '../../../files/file-region.js';
import { quoted } from '../../../files/peer-path.js';
import { checkUnchanged, truncated } from './file-state.js';
import { hasContent } from './read-part.js';
import { OpenFile } from '../disk/open-file.js';
import { toFileError } from '../disk/system-error.js';

// O_NONBLOCK: opening a FIFO would wait for its writer. Windows lacks the flag.
const { O_RDONLY, O_NONBLOCK = 0 } = constants as { O_RDONLY: number; O_NONBLOCK?: number };
const flags = O_RDONLY | O_NONBLOCK;
const fstatOf = promisify(fstat);

/** A file that the caller has opened, and closes. */
export type RegionHandle = Pick<FileHandle, 'fd'> & {
  /** @internal The file is in use until `release`. */
  retain?(): void;
  /** @internal Called once for each `retain`. */
  release?(): void;
};

/** A regular file that is open for reading, and the region of it that is sent. */
export class SourceFile {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
  readonly length: number;
  readonly mtime: number;
  readonly permissions: number;
  readonly #fd: number;
  readonly #handle: RegionHandle | undefined;
  readonly #growing: boolean;
  readonly #stats: Stats;

  private constructor(
    path: string,
    fd: number,
    handle: RegionHandle | undefined,
    { stats, sizeless }: FileStatus,
    options: RegionOptions,
  ) {
    if (!stats.isFile()) throw new NotRegularFileError(`${quoted(path)} is not a regular file.`, path);
    if (sizeless) {
      throw new NotRegularFileError(
        `${quoted(path)} has content but no size, as files of procfs have. Read it, and send the bytes.`,
        path,
      );
    }
    const bounds = boundsOf(options, stats.size);
    if (bounds === undefined) {
      const { offset = 0, length } = options;
      throw new FileIoError(
        `${JSON.stringify(path)} has ${String(stats.size)} bytes, and the region (offset ${String(offset)}, length ${String(length ?? 'to the end')}) is not within them. Give an offset and a length that are.`,
        path,
      );
    }
    this.path = path;
    this.#fd = fd;
    this.#handle = handle;
    this.size = stats.size;
    this.offset = bounds.offset;
    this.length = bounds.length;
    this.mtime = Math.max(0, Math.floor(stats.mtimeMs));
    this.permissions = stats.mode & 0o777;
    this.#growing = options.growing === true;
    this.#stats = stats;
  }

  /** Opens a path, or takes a handle, which the caller closes. Errors: FileError. */
  static open(file: string | RegionHandle, path: string, options: RegionOptions): Promise<SourceFile> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        reject(toFileError(error, path));
      };
      const opened = (fd: number): void => {
        const handle = typeof file === 'string' ? undefined : file;
        handle?.retain?.();
        statusOf(fd, handle)
          .then((status) => new SourceFile(path, fd, handle, status, options))
          .then(resolve, (failure: unknown) => {
            if (handle === undefined) close(fd, ignore);
            else handle.release?.();
            fail(failure);
          });
      };
      if (typeof file === 'string') {
        open(file, flags, (error, fd) => {
          if (error === null) opened(fd);
          else fail(error);
        });
      } else if (file.fd === -1) fail(new FileIoError(`The handle of ${JSON.stringify(path)} is closed.`, path));
      else opened(file.fd);
    });
  }

  /**
   * The descriptor. The number may be another file's as soon as the user has closed the handle: get it before each use.
   */
  get fd(): number {
    if (this.#handle !== undefined && this.#handle.fd !== this.#fd) {
      throw new FileIoError(
        `The handle of ${JSON.stringify(this.path)} was closed while the file was sent.`,
        this.path,
      );
    }
    return this.#fd;
  }

  /** Checks that the file still has the region. @throws FileChangedError */
  checkLength(): void {
    if (fstatSync(this.fd).size < this.offset + this.length) throw this.truncated();
  }

  /** Checks, at the end, that the file is in the state in which it was opened. Errors: FileError. */
  checkUnchanged(): Promise<void> {
    return new Promise((resolve, reject) => {
      fstat(this.fd, (error, stats) => {
        try {
          if (error !== null) throw error;
          this.#check(stats);
          resolve();
        } catch (failure) {
          reject(toFileError(failure, this.path));
        }
      });
    });
  }

  /** The error for a file that was truncated. */
  truncated(): FileChangedError {
    return truncated(this.path);
  }

  close(): void {
    if (this.#handle === undefined) close(this.#fd, ignore);
    else this.#handle.release?.();
  }

  #check(stats: Stats): void {
    const { path, offset, length } = this;
    checkUnchanged(this.#stats, stats, { path, end: offset + length, growing: this.#growing });
  }
}

/** The status of an open file before the host sends it. */
interface FileStatus {
  readonly stats: Stats;
  /** True: the file has content, although its size is 0. */
  readonly sizeless: boolean;
}

async function statusOf(fd: number, handle: RegionHandle | undefined): Promise<FileStatus> {
  // The file may have been hashed since it was opened: its state then is the one to compare with.
  const stats = handle instanceof OpenFile ? handle.stats : await fstatOf(fd);
  return { stats, sizeless: stats.isFile() && stats.size === 0 && (await hasContent(fd)) };
}

function ignore(): void {
  // A failure to close a file that was only read has no consequence.
}
