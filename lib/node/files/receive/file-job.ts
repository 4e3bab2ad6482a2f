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

import { FileConflictError, FileCorruptError, type FileError } from '../../../files/file-error.js';
import type { FileEnd, FileHeader } from '../../../files/file-item.js';
import { maxPiecesWaiting, maxSmallFileBytes } from '../../../limits.js';
import { diskPace } from './disk-pace.js';
import { FileCheck } from './file-check.js';
import { giveScratch, takeScratch } from '../folder/scratch.js';
import type { ReleaseSlot } from '../folder/open-files.js';
import { toFileError } from '../folder/system-error.js';
import { UnfinishedFile, type StepDone } from './unfinished-file.js';
import { writeWhole, type Attributes, type Place } from './write-file.js';

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
  /** @internal Gives a slot for the open file. */
  readonly slot?: () => ReleaseSlot | Promise<ReleaseSlot>;
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
  readonly #check: FileCheck;
  #place: Place | undefined = undefined;
  #file: UnfinishedFile | undefined = undefined;
  // An asynchronous step runs.
  #busy = false;
  #state: 'opening' | 'writing' | 'finishing' | 'renaming' | 'done' | 'failed' = 'opening';
  #ended = false;
  #hash: Uint8Array | undefined = undefined;
  #releaseSlot: ReleaseSlot | undefined = undefined;
  #error: FileError | undefined = undefined;

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
    this.#check = new FileCheck(header, options.verify !== false);
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
    return this.#waiting.length < maxPiecesWaiting || this.#over;
  }

  /** Takes the next bytes. They are released when they are written, or will not be. */
  write(bytes: Uint8Array, release: (() => void) | undefined): void {
    if (this.#over) {
      release?.();
      return;
    }
    const problem = this.#check.add(bytes);
    if (problem !== undefined) {
      release?.();
      this.#corrupt(problem);
      return;
    }
    if (this.#collected !== undefined || bytes.length === 0) {
      this.#collected?.set(bytes, this.#check.received - bytes.length);
      release?.();
      return;
    }
    this.#waiting.push({ bytes, release });
    this.#continue();
  }

  /** Everything has come. */
  end(end: FileEnd): void {
    if (this.#over) return;
    const problem = this.#check.end(end);
    if (problem !== undefined) {
      this.#corrupt(problem);
      return;
    }
    this.#ended = true;
    this.#hash = end.hash;
    if (this.#collected === undefined) this.#continue();
    else if (this.#place !== undefined) this.#writeWhole(this.#place, this.#collected);
  }

  /** Gives the file up: the observer hears of it when nothing is written any more. Harmless after the end. */
  fail(error: FileError): void {
    if (this.#over) return;
    this.#error = error;
    if (!this.#busy && this.#place !== undefined) this.#tellFailure();
  }

  /** The stream ended without an end of this file. */
  breakOff(): void {
    if (!this.#over) this.#corrupt(`The stream broke off after ${String(this.#check.received)} bytes`);
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
    const { verify, offset = 0 } = this.#options;
    const unverifiable = this.#check.unverifiable(verify === true);
    if (unverifiable !== undefined) {
      this.#corrupt(unverifiable);
      return;
    }
    const problem = this.#check.misplaced(offset);
    if (problem !== undefined) {
      this.fail(new FileConflictError(`${JSON.stringify(this.#name)}: ${problem}.`, this.#name));
      return;
    }
    if (this.#collected === undefined) this.#openFile(place);
    else if (this.#ended) this.#writeWhole(place, this.#collected);
  };

  #writeWhole(place: Place, bytes: Uint8Array): void {
    // To force it to the disk takes its time.
    if (this.#options.fsync === false && diskPace.quick) {
      try {
        diskPace.measure(() => {
          writeWhole(bytes, place, this.#name, this.#attributes);
        });
        giveScratch(bytes);
      } catch (error) {
        this.fail(toFileError(error, this.#name));
        return;
      }
      this.written = bytes.length;
      this.#state = 'done';
      this.#observer.written(bytes.length);
      this.#observer.done();
      return;
    }
    if (bytes.length > 0) this.#waiting.push({ bytes, release: undefined });
    this.#openFile(place);
  }

  #openFile(place: Place): void {
    const file = new UnfinishedFile(place, this.#name, this.#keeps);
    this.#file = file;
    const replaced = (): void => {
      const text = `${JSON.stringify(this.#name)}: somebody else writes the same file now.`;
      this.fail(new FileConflictError(text, this.#name));
    };
    const claim = (done: StepDone): void => {
      file.claim(replaced, done);
    };
    const open = (done: StepDone): void => {
      file.open(this.#attributes, done);
    };
    const prepare = (done: StepDone): void => {
      file.prepare(this.header.offset, done);
    };
    this.#run(this.#takeSlot, () => {
      this.#run(claim, () => {
        this.#run(open, () => {
          this.#run(prepare, () => {
            this.#state = 'writing';
            this.#continue();
          });
        });
      });
    });
  }

  readonly #takeSlot = (done: StepDone): void => {
    const taken = this.#options.slot?.();
    if (!(taken instanceof Promise)) {
      this.#releaseSlot = taken;
      done(null);
      return;
    }
    taken.then((release) => {
      this.#releaseSlot = release;
      done(null);
    }, done);
  };

  get #attributes(): Attributes {
    const { mode, mtime } = this.header;
    return { mode: this.#options.mode, defaultMode: mode, mtime };
  }

  #continue(): void {
    if (this.#state !== 'writing' || this.#busy) return;
    if (this.#waiting.length > 0) this.#write();
    else if (this.#ended) this.#finish();
  }

  #write(): void {
    const pieces = this.#waiting.splice(0, maxPiecesWaiting);
    const total = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const { header } = this;
    this.#run(
      (callback) => {
        const buffers = pieces.map(({ bytes }) => bytes);
        this.#file!.write(buffers, header.offset + this.written, (error) => {
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
    const file = this.#file!;
    const finish = (done: StepDone): void => {
      file.finish(this.#attributes, this.#options.fsync !== false, done);
    };
    const rename = (done: StepDone): void => {
      file.rename(this.header.offset + this.header.length, done);
    };
    this.#run(this.#verify, () =>
      this.#run(finish, () => {
        // From here on it cannot be given up.
        this.#state = 'renaming';
        this.#run(rename, () => {
          this.#state = 'done';
          this.#releaseSlot?.();
          this.#observer.done();
        });
      }),
    );
  }

  /** What can be continued has had other writers before: the bytes on the disk are compared, too. */
  readonly #verify = (done: StepDone): void => {
    const { offset, length, hash: algorithm } = this.header;
    if (!this.#keeps || !this.#check.hashes || algorithm === undefined || this.#hash === undefined) done(null);
    else this.#file!.verify({ offset, length, algorithm }, this.#hash, done);
  };

  /** Runs one asynchronous step. What fails meanwhile is told after it. */
  #run(start: (done: StepDone) => void, next: () => void): void {
    this.#busy = true;
    start((error) => {
      this.#busy = false;
      if (error !== null && error !== undefined) this.#error ??= toFileError(error, this.#name);
      if (this.#error === undefined) next();
      else this.#tellFailure();
    });
  }

  #corrupt(what: string): void {
    this.fail(new FileCorruptError(`${JSON.stringify(this.#name)}: ${what}. Send the file again.`, this.#name));
  }

  #tellFailure(): void {
    this.#state = 'failed';
    for (const { release } of this.#waiting.splice(0)) release?.();
    const tell = (): void => {
      this.#releaseSlot?.();
      this.#observer.failed(this.#error!);
    };
    if (this.#file === undefined) tell();
    else this.#file.giveUp(this.#check.spoilt, tell);
  }
}
