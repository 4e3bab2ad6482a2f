/**
 * The writing of one received file.
 *
 *     opening ──▶ writing ──end──▶ finishing (verify, attributes, fsync) ──▶ renaming ──▶ done
 *        └───────────┴── fail, or a mismatch ──┘                                └────────▶ failed
 *
 * The bytes go to a temporary name, in order, with one write at a time of up to eight pieces. So the temporary file is
 * the beginning of the file at any time, also when the process is killed. (The kernel serializes buffered writes to one
 * file anyway: several at once would only occupy threads of the pool.) The credit of a piece returns when it is
 * written.
 */

import { FileConflictError, FileCorruptError, type FileError } from '../../../files/file-error.js';
import type { FileEnd, FileHeader } from '../../../files/file-item.js';
import { quoted } from '../../../files/peer-path.js';
import type { ReleaseSlot } from '../disk/slot-pool.js';
import { toFileError } from '../disk/system-error.js';
import { attributesOf, type Attributes } from '../disk/attributes.js';
import type { Destination } from '../disk/destination.js';
import { FileCheck } from './file-check.js';
import { PieceQueue } from './piece-queue.js';
import type { ReceiveFileOptions } from './receive-options.js';
import { SmallFile } from './small-file.js';
import { StepRunner, type Step } from './step-runner.js';
import { UnfinishedFile } from '../disk/unfinished-file.js';

/** How a file is written. */
export interface FileJobOptions extends ReceiveFileOptions {
  /** Gives a slot for the open file. Default: no slot is needed. */
  readonly slot?: () => ReleaseSlot | Promise<ReleaseSlot>;
}

/** Receives the progress and the result of a job. */
export interface FileJobObserver {
  /** Bytes are on the disk, or at least with the system. */
  written(bytes: number): void;
  /** The file has its final name. */
  done(): void;
  /** The job has ended without the file. */
  failed(error: FileError): void;
}

/** Writes one received file under a temporary name, checks it, and gives it its final name. */
export class FileJob {
  /** Bytes of this transfer that are written. */
  written = 0;
  readonly header: FileHeader;

  readonly #options: FileJobOptions;
  readonly #observer: FileJobObserver;
  readonly #resumable: boolean;
  readonly #small: SmallFile | undefined;
  readonly #name: string;
  readonly #attributes: Attributes;
  readonly #pieces = new PieceQueue();
  readonly #check: FileCheck;
  #destination: Destination | undefined = undefined;
  #file: UnfinishedFile | undefined = undefined;
  readonly #steps = new StepRunner((error) => this.#stepEnded(error));
  #state: 'opening' | 'writing' | 'finishing' | 'renaming' | 'done' | 'failed' = 'opening';
  #end: FileEnd | undefined = undefined;
  #releaseSlot: ReleaseSlot | undefined = undefined;
  #error: FileError | undefined = undefined;

  /** `name`: names the file in errors. */
  constructor(header: FileHeader, name: string, options: FileJobOptions, observer: FileJobObserver) {
    this.header = header;
    this.#name = name;
    this.#options = options;
    this.#observer = observer;
    this.#attributes = attributesOf(header, options);
    this.#resumable = options.resume === true || options.offset !== undefined;
    this.#small = this.#resumable ? undefined : SmallFile.of(header.length, options.fsync !== false);
    this.#check = new FileCheck(header, options.verify !== false);
  }

  /** Opens the file. Bytes may come before and after; the destination may become known later. */
  start(destination: Destination | Promise<Destination>): void {
    if (!(destination instanceof Promise)) {
      this.#open(destination);
      return;
    }
    destination.then(this.#open, (error: unknown) => {
      this.#error ??= toFileError(error, this.#name);
      this.#endFailed();
    });
  }

  /** True while the job takes further bytes without delay. */
  get hasRoom(): boolean {
    return this.#pieces.hasRoom || this.#over;
  }

  /** True where bytes may come in pipes: nothing reads them on the way to the file. */
  get takesPipes(): boolean {
    return this.#small === undefined && !this.#check.hashes;
  }

  /**
   * Takes the next bytes, which are in a pipe only if {@link takesPipes}. `release` is called when they are written or
   * given up.
   */
  write(bytes: Uint8Array, release: (() => void) | undefined): void {
    if (this.#over) {
      release?.();
      return;
    }
    const problem = this.#check.add(bytes);
    if (problem !== undefined) {
      release?.();
      this.#failCorrupt(problem);
      return;
    }
    if (this.#small !== undefined || bytes.length === 0) {
      this.#small?.set(bytes, this.#check.received - bytes.length);
      release?.();
      return;
    }
    this.#pieces.push(bytes, release);
    this.#continue();
  }

  /** All bytes have come. */
  end(end: FileEnd): void {
    if (this.#over) return;
    const problem = this.#check.end(end);
    if (problem !== undefined) {
      this.#failCorrupt(problem);
      return;
    }
    this.#end = end;
    if (this.#small === undefined) this.#continue();
    else if (this.#destination !== undefined) this.#writeSmall(this.#destination, this.#small);
  }

  /** Gives the file up. The observer is notified when nothing is written any more. Has no effect after the end. */
  fail(error: FileError): void {
    if (this.#over) return;
    this.#error = error;
    if (!this.#steps.busy && this.#destination !== undefined) this.#endFailed();
  }

  /** The stream has ended before the end of this file. */
  breakOff(): void {
    if (!this.#over) this.#failCorrupt(`the stream ended after ${String(this.#check.received)} bytes`);
  }

  get #over(): boolean {
    return this.#state === 'done' || this.#state === 'renaming' || this.#error !== undefined;
  }

  readonly #open = (destination: Destination): void => {
    if (this.#error !== undefined) {
      this.#endFailed();
      return;
    }
    this.#destination = destination;
    const { verify, offset = 0 } = this.#options;
    const unverifiable = this.#check.unverifiable(verify === true);
    if (unverifiable !== undefined) {
      this.#failCorrupt(unverifiable);
      return;
    }
    const misplaced = this.#check.misplaced(offset);
    if (misplaced !== undefined) {
      this.fail(new FileConflictError(`${quoted(this.#name)}: ${misplaced}. Send the whole file.`, this.#name));
      return;
    }
    if (this.#small === undefined) this.#openFile(destination);
    else if (this.#end !== undefined) this.#writeSmall(destination, this.#small);
  };

  #writeSmall(destination: Destination, small: SmallFile): void {
    const { bytes } = small;
    let isWritten: boolean;
    try {
      isWritten = small.writeSync(destination, this.#name, this.#attributes);
    } catch (error) {
      this.fail(toFileError(error, this.#name));
      return;
    }
    if (!isWritten) {
      if (bytes.length > 0) this.#pieces.push(bytes, undefined);
      this.#openFile(destination);
      return;
    }
    this.written = bytes.length;
    this.#state = 'done';
    this.#observer.written(bytes.length);
    this.#observer.done();
  }

  #openFile(destination: Destination): void {
    const file = new UnfinishedFile(destination, this.#name, this.#resumable);
    this.#file = file;
    const replaced = (): void => {
      const text = `${quoted(this.#name)}: another transfer writes the same file now.`;
      this.fail(new FileConflictError(text, this.#name));
    };
    const steps: Step[] = [
      this.#takeSlot,
      (done) => {
        file.claim(replaced, done);
      },
      (done) => {
        file.open(this.#attributes, done);
      },
      (done) => {
        file.prepare(this.header.offset, done);
      },
    ];
    this.#steps.run(steps, () => {
      this.#state = 'writing';
      this.#continue();
    });
  }

  readonly #takeSlot: Step = (done) => {
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

  #continue(): void {
    if (this.#state !== 'writing' || this.#steps.busy) return;
    if (!this.#pieces.isEmpty) this.#writePieces();
    else if (this.#end !== undefined) this.#finish(this.#end);
  }

  #writePieces(): void {
    const batch = this.#pieces.take();
    const write: Step = (done) => {
      this.#file!.write(batch.buffers, this.header.offset + this.written, (error) => {
        batch.release();
        if (error === null) this.written += batch.length;
        done(error);
      });
    };
    this.#steps.run([write], () => {
      this.#observer.written(batch.length);
      this.#continue();
    });
  }

  #finish({ hash }: FileEnd): void {
    this.#state = 'finishing';
    const file = this.#file!;
    const { offset, length, hash: algorithm } = this.header;
    const verify: Step = (done) => {
      // A resumable file has had other writers before: the bytes on the disk are verified, too.
      if (!this.#resumable || !this.#check.hashes || algorithm === undefined || hash === undefined) done(null);
      else file.verify({ offset, length, algorithm }, hash, done);
    };
    const finish: Step = (done) => {
      file.finish(this.#attributes, this.#options.fsync !== false, done);
    };
    this.#steps.run([verify, finish], () => {
      // From here on the file cannot be given up.
      this.#state = 'renaming';
      const rename: Step = (done) => {
        file.rename(offset + length, done);
      };
      this.#steps.run([rename], () => {
        this.#state = 'done';
        this.#releaseSlot?.();
        this.#observer.done();
      });
    });
  }

  /** A failure that came during a step takes effect when the step has ended. False: the job has failed. */
  #stepEnded(error: unknown): boolean {
    if (error !== undefined) this.#error ??= toFileError(error, this.#name);
    if (this.#error === undefined) return true;
    this.#endFailed();
    return false;
  }

  #failCorrupt(what: string): void {
    this.fail(new FileCorruptError(`${quoted(this.#name)}: ${what}. Send the file again.`, this.#name));
  }

  #endFailed(): void {
    this.#state = 'failed';
    this.#pieces.clear();
    const ended = (): void => {
      this.#releaseSlot?.();
      this.#observer.failed(this.#error!);
    };
    if (this.#file === undefined) ended();
    else this.#file.giveUp(this.#check.corrupt, ended);
  }
}
