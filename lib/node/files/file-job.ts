/**
 * One file that is being written.
 *
 *     opening ──▶ writing ──end──▶ finishing (fsync) ──▶ renaming ──▶ done
 *        └───────────┴── fail, or what does not fit ──┘     └────────▶ failed
 *
 * Bytes go to a temporary name, in order: one write of up to eight pieces at a time, so that what is there at any time is
 * the beginning of the file, also when the process is killed. (Buffered writes to one file wait for each other in the
 * kernel anyway: several at once would only occupy the threads of the pool.) What a piece is a view of is released when
 * the piece is written.
 */

import { createHash, type Hash } from 'node:crypto';
import { close, closeSync, fstatSync, fsync, ftruncate, open, rename, unlink } from 'node:fs';
import { FileConflictError, FileCorruptError, type FileError } from '../../files/file-error.js';
import type { FileEnd, FileHeader } from '../../files/file-item.js';
import { maxSmallFileBytes } from '../../limits.js';
import { claim, unclaim } from './claims.js';
import { diskPace } from './disk-pace.js';
import { toFileError } from './system-error.js';
import { partialPath, temporaryPath } from './temporary.js';
import {
  checkTarget,
  continueFlags,
  createFlags,
  openMode,
  setAttributes,
  writeFully,
  writeWhole,
  type Attributes,
  type Place,
} from './write-file.js';

/** How a file is written. */
export interface FileJobOptions {
  /** Bytes of an earlier try that may be kept; with it, or with `resume`, what is there after a failure stays. */
  readonly offset?: number;
  readonly resume?: boolean;
  /** True: without a hash the file is refused. False: a hash is not looked at. Default: it is checked where it comes. */
  readonly verify?: boolean;
  /** Default true. */
  readonly fsync?: boolean;
  /** Permission bits, whatever the header and the umask say. */
  readonly mode?: number;
}

/** Who has the job written. */
export interface FileJobObserver {
  /** Bytes are on the disk, or at least with the system. */
  written(bytes: number): void;
  /** The file has its name. */
  done(): void;
  /** Nothing has the name. */
  failed(error: FileError): void;
}

/** Pieces of one write, and pieces that wait at the most. */
const maxPieces = 8;

const hashes = new Set(['sha256', 'sha512', 'sha1', 'md5', 'blake2b512']);

// Of a small file that was written at once: the next one has it. One file after the other is the usual way.
let scratch: ArrayBufferLike | undefined;

function takeScratch(length: number): Uint8Array {
  const buffer = scratch ?? new ArrayBuffer(maxSmallFileBytes);
  scratch = undefined;
  return new Uint8Array(buffer, 0, length);
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly release: (() => void) | undefined;
}

/** See the head of this file. */
export class FileJob {
  /** Bytes of this transfer that are written. */
  written = 0;
  readonly header: FileHeader;

  readonly #options: FileJobOptions;
  readonly #observer: FileJobObserver;
  readonly #keeps: boolean;
  // Bytes of a small file. They are copied, so that their credit returns: the end may need it.
  readonly #collected: Uint8Array | undefined;
  readonly #name: string;
  readonly #waiting: Piece[] = [];
  #place: Place | undefined = undefined;
  #temporary = '';
  #claimed = false;
  #fd: number | undefined = undefined;
  // An asynchronous step runs.
  #busy = false;
  #received = 0;
  #hash: Hash | undefined = undefined;
  #state: 'opening' | 'writing' | 'finishing' | 'renaming' | 'done' | 'failed' = 'opening';
  #ended = false;
  #error: FileError | undefined = undefined;
  #spoilt = false;

  /** `name`: the file in errors. */
  constructor(header: FileHeader, name: string, options: FileJobOptions, observer: FileJobObserver) {
    this.header = header;
    this.#name = name;
    this.#options = options;
    this.#observer = observer;
    this.#keeps = options.resume === true || options.offset !== undefined;
    if (!this.#keeps && header.length <= maxSmallFileBytes) {
      this.#collected = options.fsync === false ? takeScratch(header.length) : new Uint8Array(header.length);
    }
    const { hash } = header;
    if (hash !== undefined && options.verify !== false && hashes.has(hash)) this.#hash = createHash(hash);
  }

  /** Opens the file. It may be given bytes before and after; `place` may say where it is later. */
  start(place: Place | Promise<Place>): void {
    if (!(place instanceof Promise)) {
      this.#open(place);
      return;
    }
    place.then(this.#open, (error: unknown) => {
      this.#error ??= toFileError(error, this.#name);
      this.#tellFailure();
    });
  }

  /** True while more pieces may be given. */
  get hasRoom(): boolean {
    return this.#waiting.length < maxPieces || this.#over;
  }

  /** Takes the next bytes. They are released when they are written, or will not be. */
  write(bytes: Uint8Array, release: (() => void) | undefined): void {
    if (this.#over) {
      release?.();
      return;
    }
    this.#received += bytes.length;
    if (this.#received > this.header.length) {
      release?.();
      this.#spoilt = true;
      this.#corrupt(`More than the ${String(this.header.length)} bytes came that were announced`);
      return;
    }
    this.#hash?.update(bytes);
    if (this.#collected !== undefined || bytes.length === 0) {
      this.#collected?.set(bytes, this.#received - bytes.length);
      release?.();
      return;
    }
    this.#waiting.push({ bytes, release });
    this.#continue();
  }

  /** Everything has come. */
  end({ length, hash }: FileEnd): void {
    if (this.#over) return;
    const { header } = this;
    if (this.#received !== header.length || length !== header.length) {
      this.#corrupt(`${String(this.#received)} bytes came, and ${String(header.length)} were announced`);
      return;
    }
    const problem = this.#hashProblem(hash);
    if (problem !== undefined) {
      // Who continues must not keep what is wrong somewhere.
      this.#spoilt = true;
      this.#corrupt(problem);
      return;
    }
    this.#ended = true;
    if (this.#collected === undefined) this.#continue();
    else if (this.#place !== undefined) this.#writeWhole(this.#place, this.#collected);
  }

  /** Gives the file up: the observer hears of it when nothing is written any more. Harmless after the end. */
  fail(error: FileError): void {
    this.#fail(error);
  }

  /** The stream ended without an end of this file. */
  breakOff(): void {
    if (!this.#over) this.#corrupt(`The stream broke off after ${String(this.#received)} bytes`);
  }

  get #over(): boolean {
    return this.#state === 'done' || this.#state === 'renaming' || this.#error !== undefined;
  }

  readonly #open = (place: Place): void => {
    if (this.#error !== undefined) {
      this.#tellFailure();
      return;
    }
    this.#place = place;
    const { verify } = this.#options;
    const { header } = this;
    if (verify === true && this.#hash === undefined) {
      const what = header.hash === undefined ? 'no hash' : `a hash ${header.hash}, which is not known here`;
      this.#corrupt(`It comes with ${what}, so that it cannot be verified`);
      return;
    }
    const problem = this.#placeProblem();
    if (problem !== undefined) {
      this.#fail(new FileConflictError(`${JSON.stringify(this.#name)}: ${problem}.`, this.#name));
      return;
    }
    if (this.#collected === undefined) this.#openTemporary(place);
    else if (this.#ended) this.#writeWhole(place, this.#collected);
  };

  #writeWhole(place: Place, bytes: Uint8Array): void {
    // To force it to the disk takes its time.
    if (this.#options.fsync === false && diskPace.quick) {
      try {
        diskPace.measure(() => {
          writeWhole(bytes, place, this.#name, this.#attributes);
        });
        scratch = bytes.buffer;
      } catch (error) {
        this.#fail(toFileError(error, this.#name));
        return;
      }
      this.written = bytes.length;
      this.#state = 'done';
      this.#observer.written(bytes.length);
      this.#observer.done();
      return;
    }
    if (bytes.length > 0) this.#waiting.push({ bytes, release: undefined });
    this.#openTemporary(place);
  }

  #openTemporary(place: Place): void {
    if (!this.#keeps) {
      this.#temporary = temporaryPath(place.path);
      this.#openFile(createFlags);
      return;
    }
    this.#temporary = partialPath(place.path);
    this.#run(
      (callback) => {
        claim(this.#temporary, {
          granted: () => {
            this.#claimed = true;
            callback(null);
          },
          replaced: () => {
            const text = `${JSON.stringify(this.#name)}: somebody else writes the same file now.`;
            this.#fail(new FileConflictError(text, this.#name));
          },
        });
      },
      () => {
        this.#openFile(continueFlags);
      },
    );
  }

  #openFile(flags: number): void {
    this.#run(
      (callback) => {
        open(this.#temporary, flags, openMode(this.#attributes), (error, fd) => {
          if (error === null) this.#fd = fd;
          callback(error);
        });
      },
      () => {
        this.#opened();
      },
    );
  }

  #placeProblem(): string | undefined {
    const { offset = 0 } = this.#options;
    const { header } = this;
    const end = header.offset + header.length;
    if (header.offset > offset) {
      return `the bytes from ${String(header.offset)} on come, and ${String(offset)} are here`;
    }
    return end === header.size
      ? undefined
      : `the bytes to ${String(end)} come, and the file has ${String(header.size)}`;
  }

  #opened(): void {
    try {
      this.#place!.check?.(this.#fd!, this.#temporary);
      checkTarget(this.#place!.path, this.#name);
      if (!this.#keeps) {
        this.#ready();
        return;
      }
      const stats = fstatSync(this.#fd!);
      if (!stats.isFile() || stats.size < this.header.offset) {
        throw new FileConflictError(
          `${String(this.header.offset)} bytes of ${JSON.stringify(this.#name)} should be here, and are not.`,
          this.#name,
        );
      }
    } catch (error) {
      this.#fail(toFileError(error, this.#name));
      return;
    }
    this.#run(
      (callback) => {
        ftruncate(this.#fd!, this.header.offset, callback);
      },
      () => {
        this.#ready();
      },
    );
  }

  get #attributes(): Attributes {
    const { mode, mtime } = this.header;
    return { mode: this.#options.mode, defaultMode: mode, mtime };
  }

  #ready(): void {
    this.#state = 'writing';
    this.#continue();
  }

  #continue(): void {
    if (this.#state !== 'writing' || this.#busy) return;
    if (this.#waiting.length > 0) this.#write();
    else if (this.#ended) this.#finish();
  }

  #write(): void {
    const pieces = this.#waiting.splice(0, maxPieces);
    const total = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const { header } = this;
    this.#run(
      (callback) => {
        const buffers = pieces.map(({ bytes }) => bytes);
        writeFully(this.#fd!, buffers, header.offset + this.written, (error) => {
          for (const { release } of pieces) release?.();
          if (error === null) this.written += total;
          callback(error);
        });
      },
      () => {
        this.#observer.written(total);
        this.#continue();
      },
    );
  }

  #finish(): void {
    this.#state = 'finishing';
    const fd = this.#fd!;
    try {
      setAttributes(fd, this.#attributes);
    } catch (error) {
      this.#fail(toFileError(error, this.#name));
      return;
    }
    if (this.#options.fsync === false) {
      this.#rename();
      return;
    }
    this.#run(
      (callback) => {
        fsync(fd, callback);
      },
      () => {
        this.#rename();
      },
    );
  }

  #rename(): void {
    const fd = this.#fd!;
    this.#fd = undefined;
    try {
      // Before the rename: Windows renames nothing that is open. File systems over a network tell here what they could not write.
      closeSync(fd);
    } catch (error) {
      this.#fail(toFileError(error, this.#name));
      return;
    }
    // From here on it cannot be given up.
    this.#state = 'renaming';
    rename(this.#temporary, this.#place!.path, (error) => {
      if (error !== null) {
        this.#error = toFileError(error, this.#name);
        this.#tellFailure();
        return;
      }
      this.#unclaim();
      this.#state = 'done';
      this.#observer.done();
    });
  }

  /** Runs one asynchronous step. What fails meanwhile is told after it. */
  #run(start: (callback: (error: unknown) => void) => void, next: () => void): void {
    this.#busy = true;
    start((error) => {
      this.#busy = false;
      if (error !== null && error !== undefined) this.#error ??= toFileError(error, this.#name);
      if (this.#error === undefined) next();
      else this.#tellFailure();
    });
  }

  #hashProblem(value: Uint8Array | undefined): string | undefined {
    const hash = this.#hash;
    if (hash === undefined) return undefined;
    if (value === undefined) return 'The hash did not come that was announced';
    return hash.digest().equals(value)
      ? undefined
      : `The ${this.header.hash!} of what came is not that of what was sent`;
  }

  #corrupt(what: string): void {
    this.#fail(new FileCorruptError(`${JSON.stringify(this.#name)}: ${what}. Send the file again.`, this.#name));
  }

  #fail(error: FileError): void {
    if (this.#over) return;
    this.#error = error;
    if (!this.#busy && this.#place !== undefined) this.#tellFailure();
  }

  #tellFailure(): void {
    this.#state = 'failed';
    for (const { release } of this.#waiting.splice(0)) release?.();
    const tell = (): void => {
      this.#unclaim();
      this.#observer.failed(this.#error!);
    };
    const remove = (): void => {
      if (this.#temporary === '' || kept) tell();
      else unlink(this.#temporary, tell);
    };
    // What has no bytes, or wrong ones, is of no use to who continues.
    const kept = this.#keeps && !this.#spoilt && (this.#fd === undefined || fstatSync(this.#fd).size > 0);
    if (this.#fd === undefined) remove();
    else close(this.#fd, remove);
  }

  #unclaim(): void {
    if (this.#claimed) unclaim(this.#temporary);
    this.#claimed = false;
  }
}
