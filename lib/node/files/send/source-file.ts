import { close, constants, fstat, fstatSync, open, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { FileChangedError, FileIoError, NotRegularFileError } from '../../../files/file-error.js';
import { boundsOf, type RegionOptions } from '../../../files/file-region.js';
import { toFileError } from '../folder/system-error.js';

// Opening a FIFO would wait for who writes to it. Windows has no such flag.
const { O_RDONLY, O_NONBLOCK = 0 } = constants as { O_RDONLY: number; O_NONBLOCK?: number };
const flags = O_RDONLY | O_NONBLOCK;

/** A file that somebody else has opened, and closes. */
export type RegionHandle = Pick<FileHandle, 'fd'> & {
  /** @internal The file is used from now on, until `release`. */
  retain?(): void;
  /** @internal Once for each `retain`. */
  release?(): void;
};

/** A regular file that is open for reading, and the part of it that is to be sent. */
export class SourceFile {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
  readonly length: number;
  readonly mtime: number;
  readonly permissions: number;
  readonly #fd: number;
  readonly #handle: RegionHandle | undefined;
  // A part that was asked for by its length may be of a file that others append to.
  readonly #mayGrow: boolean;
  readonly #mtimeMs: number;

  private constructor(
    path: string,
    fd: number,
    handle: RegionHandle | undefined,
    stats: Stats,
    options: RegionOptions,
  ) {
    if (!stats.isFile()) throw new NotRegularFileError(`${JSON.stringify(path)} is not a regular file.`, path);
    const bounds = boundsOf(options, stats.size);
    if (bounds === undefined) {
      const { offset = 0, length } = options;
      throw new FileIoError(
        `${JSON.stringify(path)} has ${String(stats.size)} bytes: ${String(length ?? 'all')} from ${String(offset)} on are not within. Give an offset and a length that are.`,
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
    this.#mayGrow = options.length !== undefined;
    this.#mtimeMs = stats.mtimeMs;
  }

  /** Opens a path, or takes a handle, which stays the user's. Errors: FileError. */
  static open(file: string | RegionHandle, path: string, options: RegionOptions): Promise<SourceFile> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        reject(toFileError(error, path));
      };
      const opened = (fd: number): void => {
        const handle = typeof file === 'string' ? undefined : file;
        handle?.retain?.();
        fstat(fd, (error, stats) => {
          try {
            if (error !== null) throw error;
            resolve(new SourceFile(path, fd, handle, stats, options));
          } catch (failure) {
            if (handle === undefined) close(fd, ignore);
            else handle.release?.();
            fail(failure);
          }
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

  /** The descriptor. Its number may be another file's as soon as the user has closed the handle: ask before each use. */
  get fd(): number {
    if (this.#handle !== undefined && this.#handle.fd !== this.#fd) {
      throw new FileIoError(
        `The handle of ${JSON.stringify(this.path)} was closed while the file was sent.`,
        this.path,
      );
    }
    return this.#fd;
  }

  /** Looks whether the region is still there. @throws FileChangedError where it is not. */
  checkLength(): void {
    if (fstatSync(this.fd).size < this.offset + this.length) throw this.truncated();
  }

  /** The end of a sending: looks whether the file is still the one that was opened. Errors: FileError. */
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

  /** The error for a file that has become shorter. */
  truncated(): FileChangedError {
    return new FileChangedError(
      `${JSON.stringify(this.path)} was truncated while it was sent. Send it again; replace files by renaming, not in place.`,
      this.path,
    );
  }

  close(): void {
    if (this.#handle === undefined) close(this.#fd, ignore);
    else this.#handle.release?.();
  }

  #check(stats: Stats): void {
    const { size, mtimeMs } = stats;
    if (size < this.offset + this.length) throw this.truncated();
    if (size === this.size ? mtimeMs !== this.#mtimeMs : !this.#mayGrow) {
      throw new FileChangedError(
        `${JSON.stringify(this.path)} was written to while it was sent. Send it again; replace files by renaming, not in place.`,
        this.path,
      );
    }
  }
}

function ignore(): void {
  // Nothing can be done about a file that was only read.
}
