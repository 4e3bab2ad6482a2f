import type { FileError } from '../../../files/file-error.js';
import type { FileHeader } from '../../../files/file-item.js';
import type { ReleaseSlot } from '../disk/slot-pool.js';
import type { Destination } from '../disk/destination.js';
import type { ReceiveFileOptions } from './receive-options.js';

/** What a {@link FileReceiver} does with the files of a stream, and to whom it reports. */
export interface Reception {
  /** How errors name a file. */
  name(header: FileHeader): string;
  /** Where a file goes. @throws FileError, also by the Promise. */
  destinationOf(header: FileHeader): Destination | Promise<Destination>;
  /** Makes a folder that the stream names. Without this method such a stream is refused. */
  makeFolder?(header: FileHeader): Promise<unknown>;
  /** True: the stream must be of exactly one file. */
  readonly single: boolean;
  readonly options: ReceiveFileOptions;
  /** Gives a slot for an open file; its result is called when the file is closed. Default: no slots are needed. */
  slot?(): ReleaseSlot | Promise<ReleaseSlot>;
  /** Limits how fast items are taken from the stream. Default: as fast as they are written. */
  readonly limit?: ReceiveLimit | undefined;
  /** Bytes of a file are written; `written` is their sum so far. */
  progressed(header: FileHeader, written: number, bytes: number): void;
  /** A file has its final name. */
  done(header: FileHeader, written: number): void;
  /** A file could not be received. Others may follow. */
  failed(error: FileError): void;
  /** The transfer is over; `error` ended it early. Nothing is called after this. */
  ended(error?: unknown): void;
}

/** Decides when a receiver may take items: `rxgrid cp --limit-rate` does, and a server whose reports are not read. */
export interface ReceiveLimit {
  /** An item of so many bytes of content was taken from the stream. */
  taken(bytes: number): void;
  /** False: no item is taken until {@link FileReceiver.resume} is called. */
  ready(): boolean;
  /** Calls `resume` whenever {@link ready} has become true, until its result is called. Without it, the owner does. */
  watch?(resume: () => void): () => void;
}
