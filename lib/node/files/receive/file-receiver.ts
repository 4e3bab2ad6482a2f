/**
 * Takes the items of a stream of files, as fast as they are written. Files follow each other; while one is being finished,
 * the next ones come.
 *
 *     source ──pull──▶ header: a job opens │ data: the job writes │ end: the job finishes ──▶ done, failed
 *                │ pack: its files are written one after the other, at once where the disk is quick
 *                ▲ not while the current job has no room, too many jobs are open, or a pack has more files
 */

import type { Observable } from 'rxjs';
import { CancelledError } from '../../../errors.js';
import { openReader } from '../../../flow/reader-pull.js';
import type { Pull, PullEnd } from '../../../flow/pull.js';
import {
  FileConflictError,
  FileCorruptError,
  fileErrorOf,
  NotRegularFileError,
  type FileError,
} from '../../../files/file-error.js';
import { decodeFileItem, type FileHeader, type FileItem } from '../../../files/file-item.js';
import type { PackedFile } from '../../../files/file-pack.js';
import { diskPace } from './disk-pace.js';
import { toFileError } from '../folder/system-error.js';
import { filesBesideEachOther, type ReleaseSlot } from '../folder/open-files.js';
import { FileJob, type FileJobOptions } from './file-job.js';
import { writeWhole, type Place } from './write-file.js';

/** What a receiver does with files. */
export interface Reception {
  /** How errors name a file. */
  name(header: FileHeader): string;
  /** Where a file goes. */
  place(header: FileHeader): Place | Promise<Place>;
  /** Makes a folder that the stream names. Without it such a stream is refused. */
  makeFolder?(header: FileHeader): Promise<unknown>;
  /** True: one file must come. */
  readonly single: boolean;
  readonly options: FileJobOptions;
  /** Gives a slot for an open file; what it gives is called when the file is closed. Default: as many as are asked for. */
  slot?(): ReleaseSlot | Promise<ReleaseSlot>;
  /** An item was taken. */
  taken?(): void;
  /** False: nothing is taken until {@link FileReceiver.resume}. */
  ready?(): boolean;
  /** Bytes of a file are written, `written` of it so far. */
  progressed(header: FileHeader, written: number, bytes: number): void;
  /** A file has its name. */
  done(header: FileHeader, written: number): void;
  /** A file is not there, and others may be. */
  failed(error: FileError): void;
  /** Everything has been done that will be; `error` is what ended it early. Nothing is called after it. */
  ended(error?: unknown): void;
}

/** What is under way: a file, or a folder that is made. */
type Job = Pick<FileJob, 'header' | 'hasRoom' | 'write' | 'end' | 'fail' | 'breakOff'>;

/** What of a pack is left. */
interface Packed {
  readonly files: readonly PackedFile[];
  next: number;
  readonly release: (() => void) | undefined;
}

/** See the head of this file. */
export class FileReceiver {
  readonly #pull: Pull<FileItem | Uint8Array>;
  readonly #reception: Reception;
  readonly #jobs = new Set<Job>();
  #current: Job | undefined = undefined;
  // Of a pack: the files that are not begun.
  #packed: Packed | undefined = undefined;
  #files = 0;
  #error: { readonly error: unknown } | undefined = undefined;
  #sourceEnd: PullEnd | undefined = undefined;
  #pumping = false;
  #state: 'running' | 'stopping' | 'ended' = 'running';

  /** `reader` names who receives, where backpressure is lost. */
  constructor(source: Observable<FileItem | Uint8Array>, reader: string, reception: Reception) {
    this.#reception = reception;
    this.#pull = openReader(source, reader, {});
  }

  /** Subscribes. */
  start(): void {
    this.#pull.open(this.resume);
  }

  /** There may be something to do. */
  readonly resume = (): void => {
    // What is done with an item may call this.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#canTake()) {
      if (this.#packed !== undefined) {
        this.#takePacked(this.#packed);
        continue;
      }
      const taken = this.#pull.take();
      if (taken === undefined) break;
      this.#reception.taken?.();
      this.#take(taken.value, taken.release);
    }
    if (this.#state === 'running' && this.#packed === undefined) this.#lookForEnd();
    this.#pumping = false;
    this.#notifyEnd();
  };

  /** True while a file is open, and nothing is done because nothing comes. */
  get waitsForBytes(): boolean {
    return this.#current !== undefined && this.#canTake();
  }

  /** Stops: files that are under way are given up. `ended` is not called any more. */
  stop(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#pull.stop();
    this.#giveUp(new CancelledError('The transfer was cancelled on this side.'));
  }

  #canTake(): boolean {
    return (
      this.#state === 'running' &&
      (this.#current?.hasRoom ?? this.#jobs.size < filesBesideEachOther()) &&
      this.#reception.ready?.() !== false
    );
  }

  #take(value: FileItem | Uint8Array, release: (() => void) | undefined): void {
    let item: FileItem;
    try {
      // By its length: an item is an object of ours, or bytes of any realm.
      item = 'kind' in value ? value : decodeFileItem(value);
    } catch (error) {
      release?.();
      this.#abort(error);
      return;
    }
    if (item.kind === 'data') {
      if (this.#current === undefined) {
        release?.();
        this.#corrupt('Bytes came that belong to no file');
      } else this.#current.write(item.bytes, release);
      return;
    }
    if (item.kind === 'pack') {
      if (this.#current === undefined && !this.#reception.single) {
        this.#packed = { files: item.files, next: 0, release };
        return;
      }
      release?.();
      this.#corrupt('A pack of files came where one was to come');
      return;
    }
    release?.();
    const current = this.#current;
    switch (item.kind) {
      case 'header':
        if (current === undefined) this.#begin(item);
        else this.#corrupt(`Another file came before the end of ${JSON.stringify(current.header.path)}`);
        return;
      case 'end':
        this.#current = undefined;
        if (current === undefined) this.#corrupt('The end of a file came that had not begun');
        else current.end(item);
        return;
      case 'error':
        this.#current = undefined;
        if (current === undefined) this.#reception.failed(fileErrorOf(item, ''));
        else current.fail(fileErrorOf(item, this.#reception.name(current.header)));
    }
  }

  #takePacked(packed: Packed): void {
    const file = packed.files[packed.next++]!;
    this.#files++;
    const { bytes, ...rest } = file;
    const header: FileHeader = { kind: 'header', size: bytes.length, offset: 0, length: bytes.length, ...rest };
    if (!this.#writeNow(header, bytes)) {
      // A job copies what is small.
      const job = this.#openJob(header);
      job.write(bytes, undefined);
      job.end({ kind: 'end', length: bytes.length });
    }
    // Who hears of a file may have stopped it all.
    if (packed.next < packed.files.length || this.#packed !== packed) return;
    this.#packed = undefined;
    packed.release?.();
  }

  /** Writes a whole file at once, without a job: a third of the time. False where it cannot be. */
  #writeNow(header: FileHeader, bytes: Uint8Array): boolean {
    const reception = this.#reception;
    const { options } = reception;
    const needsJob = options.fsync !== false || options.resume === true || options.offset !== undefined;
    if (needsJob || options.verify === true || !diskPace.quick) return false;
    const name = reception.name(header);
    const { mode, mtime } = header;
    try {
      const place = reception.place(header);
      if (place instanceof Promise) {
        place.catch(nothing);
        return false;
      }
      diskPace.measure(() => {
        writeWhole(bytes, place, name, { mode: options.mode, defaultMode: mode, mtime });
      });
    } catch (error) {
      reception.failed(toFileError(error, name));
      return true;
    }
    reception.progressed(header, bytes.length, bytes.length);
    reception.done(header, bytes.length);
    return true;
  }

  #begin(header: FileHeader): void {
    const reception = this.#reception;
    const name = reception.name(header);
    if (reception.single && this.#files > 0) {
      this.#corrupt('More than one file came');
      return;
    }
    this.#files++;
    if (header.path.endsWith('/')) {
      this.#beginFolder(header, name);
      return;
    }
    this.#current = this.#openJob(header);
  }

  #openJob(header: FileHeader): FileJob {
    const reception = this.#reception;
    const name = reception.name(header);
    const slot = reception.slot === undefined ? {} : { slot: () => reception.slot!() };
    const job: FileJob = new FileJob(
      header,
      name,
      { ...reception.options, ...slot },
      {
        written: (bytes) => {
          if (this.#state === 'running') reception.progressed(header, job.written, bytes);
          this.resume();
        },
        done: () => {
          this.#jobs.delete(job);
          if (this.#state === 'running') reception.done(header, job.written);
          this.resume();
        },
        failed: (error) => {
          this.#failed(job, error);
        },
      },
    );
    this.#jobs.add(job);
    let place: Place | Promise<Place>;
    try {
      place = reception.place(header);
    } catch (error) {
      place = Promise.reject(toFileError(error, name));
    }
    job.start(place);
    return job;
  }

  #beginFolder(header: FileHeader, name: string): void {
    const reception = this.#reception;
    if (reception.makeFolder === undefined) {
      this.#abort(new NotRegularFileError(`${JSON.stringify(name)} is a folder, where a file should come.`, name));
      return;
    }
    const job: Job = { header, hasRoom: true, write: noData, end: nothing, fail: nothing, breakOff: nothing };
    this.#jobs.add(job);
    this.#current = job;
    reception.makeFolder(header).then(
      () => {
        this.#jobs.delete(job);
        this.resume();
      },
      (error: unknown) => {
        this.#failed(job, toFileError(error, name));
      },
    );
  }

  #failed(job: Job, error: FileError): void {
    this.#jobs.delete(job);
    if (this.#state === 'running') this.#reception.failed(error);
    this.resume();
  }

  #lookForEnd(): void {
    const { end } = this.#pull;
    if (end === undefined || this.#sourceEnd !== undefined) return;
    this.#sourceEnd = end;
    this.#current?.breakOff();
    this.#current = undefined;
    if (end.failed) this.#abort(end.error ?? new CancelledError('The source failed without an error.'));
  }

  #corrupt(what: string): void {
    this.#abort(new FileCorruptError(`${what}. Send it again.`, ''));
  }

  /** Ends everything early. */
  #abort(error: unknown): void {
    if (this.#state !== 'running') return;
    this.#state = 'stopping';
    this.#error = { error };
    this.#pull.stop();
    this.#giveUp(error);
  }

  /** Ends everything early, because of what `reception` was told. */
  abort(error: unknown): void {
    this.#abort(error);
    this.resume();
  }

  #giveUp(error: unknown): void {
    this.#current = undefined;
    this.#packed?.release?.();
    this.#packed = undefined;
    const given = toFileError(error, '');
    // A job may leave the set at once.
    for (const job of [...this.#jobs]) job.fail(given);
  }

  #notifyEnd(): void {
    if (this.#jobs.size > 0 || (this.#state === 'running' && this.#sourceEnd === undefined) || this.#state === 'ended')
      return;
    this.#state = 'ended';
    if (this.#error !== undefined) this.#reception.ended(this.#error.error);
    else if (this.#reception.single && this.#files === 0) {
      this.#reception.ended(new FileConflictError('The stream ended without a file.', ''));
    } else this.#reception.ended();
  }
}

// The header of a folder says that it has no bytes: what comes all the same is nobody's.
function noData(_: Uint8Array, release: (() => void) | undefined): void {
  release?.();
}

function nothing(): void {
  // A folder is made at once, and stays.
}
