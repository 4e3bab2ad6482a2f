/**
 * Receives a stream of files, as fast as they are written. Files follow each other; while one is being finished, the
 * next ones come.
 *
 *     source ──pull──▶ header: a job opens │ data: the job writes │ end: the job finishes ──▶ done, failed
 *                │ pack: its files are written one after the other, synchronously where the disk is quick
 *                ▲ not while the current job has no room, too many jobs are open, or a pack has more files
 */

import type { Observable } from 'rxjs';
import { CancelledError } from '../../../errors.js';
import { openReader } from '../../../flow/pull/reader-pull.js';
import type { Pull, PullEnd } from '../../../flow/pull/pull.js';
import {
  FileConflictError,
  FileCorruptError,
  fileErrorOf,
  NotRegularFileError,
  type FileError,
} from '../../../files/file-error.js';
import { contentBytes, decodeFileItem, type FileHeader, type FileItem } from '../../../files/file-item.js';
import { quoted } from '../../../files/peer-path.js';
import { concurrentFiles } from '../disk/slot-pool.js';
import { toFileError } from '../disk/system-error.js';
import type { Destination } from '../disk/destination.js';
import { FileJob } from './file-job.js';
import { FolderJob, type Job } from './folder-job.js';
import { PackReader, writePacked } from './pack-reader.js';
import { ReceivedBytes } from './received-bytes.js';
import type { Reception } from './reception.js';

/** Writes the files of one received stream of files: one file or a folder, as the {@link Reception} says. */
export class FileReceiver {
  readonly #pull: Pull<FileItem | Uint8Array>;
  readonly #reception: Reception;
  readonly #bytes: ReceivedBytes;
  readonly #jobs = new Set<Job>();
  // The job whose header has come, and whose end has not.
  #current: Job | undefined = undefined;
  #pack: PackReader | undefined = undefined;
  #files = 0;
  #error: { readonly error: unknown } | undefined = undefined;
  #sourceEnd: PullEnd | undefined = undefined;
  #pumping = false;
  #unwatchLimit: (() => void) | undefined = undefined;
  #state: 'running' | 'stopping' | 'ended' = 'running';

  /** `reader` names the receiver where backpressure is lost. */
  constructor(source: Observable<FileItem | Uint8Array>, reader: string, reception: Reception) {
    this.#reception = reception;
    this.#bytes = new ReceivedBytes(reception.options.reuse === true);
    this.#pull = openReader(source, reader, {});
  }

  /** Subscribes to the source. */
  start(): void {
    this.#unwatchLimit = this.#reception.limit?.watch?.(this.resume);
    this.#pull.open(this.resume);
  }

  /** Takes as many items as possible. Called whenever something has changed that may allow more. */
  readonly resume = (): void => {
    // The handling of an item may call this.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#canTake()) {
        if (this.#pack !== undefined) {
          this.#takePacked(this.#pack);
          continue;
        }
        const taken = this.#pull.take();
        if (taken === undefined) break;
        this.#take(taken.value, taken.release);
      }
      if (this.#state === 'running' && this.#pack === undefined) this.#checkSourceEnd();
    } finally {
      // What an observer throws ends this turn alone: a receiver that stayed in it would take nothing more.
      this.#pumping = false;
    }
    this.#checkEnd();
  };

  /** True while a file is open and the receiver waits for the sender alone. */
  get waitsForBytes(): boolean {
    return this.#current !== undefined && this.#canTake();
  }

  /** Gives up the files that are under way. `ended` is not called any more. The owner calls this after the end, too. */
  stop(): void {
    this.#unwatchLimit?.();
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#pull.stop();
    this.#giveUp(new CancelledError('The transfer was cancelled on this side.'));
  }

  /** Ends the transfer early with an error of the reception. */
  abort(error: unknown): void {
    this.#abort(error);
    this.resume();
  }

  #canTake(): boolean {
    return (
      this.#state === 'running' &&
      (this.#current?.hasRoom ?? this.#jobs.size < concurrentFiles()) &&
      this.#reception.limit?.ready() !== false
    );
  }

  #take(value: FileItem | Uint8Array, release: (() => void) | undefined): void {
    let item: FileItem;
    try {
      // Not by `instanceof`: the bytes may be of another realm.
      item = 'kind' in value ? value : decodeFileItem(value);
    } catch (error) {
      release?.();
      this.#abort(error);
      return;
    }
    // Empty data is no progress: a peer that sends nothing else counts as silent.
    const content = contentBytes(item);
    if (item.kind !== 'data' || content > 0) this.#reception.limit?.taken(content);
    switch (item.kind) {
      case 'data':
        this.#takeData(item, release);
        return;
      case 'pack':
        if (this.#current === undefined && !this.#reception.single) {
          this.#pack = new PackReader(item.files, release);
          return;
        }
        release?.();
        this.#abortCorrupt('A pack of files came where one file was expected');
        return;
      default:
        release?.();
        this.#takeControl(item);
    }
  }

  #takeData(item: Extract<FileItem, { kind: 'data' }>, release: (() => void) | undefined): void {
    if (this.#current === undefined) {
      release?.();
      this.#abortCorrupt('Bytes came that belong to no file');
    } else this.#bytes.write(item, this.#current, release);
  }

  #takeControl(item: Extract<FileItem, { kind: 'header' | 'end' | 'error' }>): void {
    const current = this.#current;
    switch (item.kind) {
      case 'header':
        if (current === undefined) this.#begin(item);
        else this.#abortCorrupt(`Another file began before the end of ${quoted(current.header.path)}`);
        return;
      case 'end':
        this.#current = undefined;
        if (current === undefined) this.#abortCorrupt('A file ended that had not begun');
        else current.end(item);
        return;
      case 'error':
        this.#current = undefined;
        if (current === undefined) this.#reception.failed(fileErrorOf(item, ''));
        else current.fail(fileErrorOf(item, this.#reception.name(current.header)));
    }
  }

  #takePacked(pack: PackReader): void {
    const { header, bytes } = pack.next();
    this.#files++;
    if (!writePacked(this.#reception, header, bytes)) {
      const job = this.#openJob(header);
      job.write(bytes, undefined);
      job.end({ kind: 'end', length: bytes.length });
    }
    // An observer may have ended the transfer.
    if (!pack.isEmpty || this.#pack !== pack) return;
    this.#pack = undefined;
    pack.release();
  }

  #begin(header: FileHeader): void {
    if (this.#reception.single && this.#files > 0) {
      this.#abortCorrupt('More than one file came');
      return;
    }
    this.#files++;
    if (header.path.endsWith('/')) this.#beginFolder(header);
    else this.#current = this.#openJob(header);
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
    let destination: Destination | Promise<Destination>;
    try {
      destination = reception.destinationOf(header);
    } catch (error) {
      destination = Promise.reject(toFileError(error, name));
    }
    job.start(destination);
    return job;
  }

  #beginFolder(header: FileHeader): void {
    const reception = this.#reception;
    const name = reception.name(header);
    if (reception.makeFolder === undefined) {
      this.#abort(new NotRegularFileError(`${quoted(name)} is a folder where a file was expected.`, name));
      return;
    }
    const job: FolderJob = new FolderJob(header, name, reception.makeFolder(header), {
      done: () => {
        this.#jobs.delete(job);
        this.resume();
      },
      failed: (error) => {
        this.#failed(job, error);
      },
    });
    this.#jobs.add(job);
    this.#current = job;
  }

  #failed(job: Job, error: FileError): void {
    this.#jobs.delete(job);
    if (this.#state === 'running') this.#reception.failed(error);
    this.resume();
  }

  #checkSourceEnd(): void {
    const { end } = this.#pull;
    if (end === undefined || this.#sourceEnd !== undefined) return;
    this.#sourceEnd = end;
    this.#current?.breakOff();
    this.#current = undefined;
    if (end.failed) this.#abort(end.error ?? new CancelledError('The source failed without an error.'));
  }

  #abortCorrupt(what: string): void {
    this.#abort(new FileCorruptError(`${what}. Send it again.`, ''));
  }

  #abort(error: unknown): void {
    if (this.#state !== 'running') return;
    this.#state = 'stopping';
    this.#error = { error };
    this.#pull.stop();
    this.#giveUp(error);
  }

  #giveUp(error: unknown): void {
    this.#current = undefined;
    this.#pack?.release();
    this.#pack = undefined;
    const failure = toFileError(error, '');
    // A job may leave the set within the call.
    for (const job of [...this.#jobs]) job.fail(failure);
    this.#bytes.close();
  }

  #checkEnd(): void {
    const runs = this.#jobs.size > 0 || (this.#state === 'running' && this.#sourceEnd === undefined);
    if (runs || this.#state === 'ended') return;
    this.#state = 'ended';
    this.#bytes.close();
    if (this.#error !== undefined) this.#reception.ended(this.#error.error);
    else if (this.#reception.single && this.#files === 0) {
      this.#reception.ended(new FileConflictError('The stream ended without a file.', ''));
    } else this.#reception.ended();
  }
}
