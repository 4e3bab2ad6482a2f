import { ConfigurationError } from '../errors.js';
import type { RegionDone } from '../mux/region-frame.js';
import {
  sendRegion,
  type regionItem,
  type RegionItem,
  type RegionPort,
  type RegionSending,
} from '../codec/region-item.js';
import { RegionRun } from './region-run.js';

/**
 * How the bytes of a file get to the socket: from the kernel's page cache without passing through JavaScript, through a
 * few buffers, or from a Blob.
 */
export type FileMode = 'kernel' | 'pooled' | 'browser';

/** How far the sending of a file region is. */
export interface FileProgress {
  /** The file, as it was named; of a Blob the name, where it has one. */
  readonly path: string;
  /** Bytes that the transport has taken. */
  readonly sent: number;
  /** Bytes of the region. */
  readonly total: number;
  readonly mode: FileMode;
  /** Why the mode is not `kernel`, or not any more. */
  readonly reason: string | undefined;
  /** Of the bytes sent, how many passed through JavaScript. */
  readonly copied: number;
  /** Bytes per second, of the last two seconds. */
  readonly rate: number;
}

/** Options of a file region. */
export interface RegionOptions {
  /** First byte. Default 0. */
  readonly offset?: number;
  /** Bytes. Default: to the end. */
  readonly length?: number;
  /**
   * True: the file may grow while it is sent, as a log does, and only what is cut off from the region is a change. Default
   * false: a file that is written to while it is sent fails with FileChangedError.
   */
  readonly growing?: boolean;
  /** Name of the file in the stream. Default: its own name, without the folders. */
  readonly as?: string;
  /** Has the receiver check the bytes with a hash, which goes with the end. They then pass through JavaScript. Default none. */
  readonly hash?: 'sha256';
  /** Called after each frame: for handlers, which have no other place to see it. */
  readonly progress?: (progress: FileProgress) => void;
}

/** Bytes of one frame, ready to be sent. */
export interface RegionPart {
  /** Bytes. */
  readonly length: number;
  /** Sends one message of `head` and the bytes. */
  write(head: Uint8Array, done: RegionDone): void;
  /** It will not be sent. */
  drop(): void;
}

/** A region whose file is open. */
export interface OpenRegion {
  readonly mode: FileMode;
  readonly reason: string | undefined;
  /** Bytes so far that passed through JavaScript. */
  readonly copied: number;
  /** Name of the file in the stream. */
  readonly name: string;
  /** Bytes of the file. */
  readonly size: number;
  /** First byte. */
  readonly offset: number;
  /** Bytes of the region. */
  readonly length: number;
  /** Time of the last change, in ms since the epoch. */
  readonly mtime: number | undefined;
  /** Permission bits. */
  readonly permissions: number | undefined;
  /** Name of the hash that goes with the end. */
  readonly hash: string | undefined;
  /** The bytes from `at` on, `max` at the most. Called for one after the other, in order. */
  part(at: number, max: number): RegionPart | Promise<RegionPart>;
  /** All is sent. Gives the hash. Throws where the file is not any more what was announced. */
  finish(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Closes the file, where it was opened for the region. Once, after the last frame was written. */
  close(): void;
}

/** Who hears how a region is sent. */
export interface RegionObserver {
  progress(progress: FileProgress): void;
  /** The region cannot be sent. On a route of files the other side was told, and the stream goes on. */
  failed(error: unknown): void;
}

/** Brand of a region. Registered, so that two copies of the library know each other's. */
const regionBrand: unique symbol = Symbol.for('rxgrid.FileRegion');

/**
 * A part of a file. A handler returns or yields it where the route's output carries files (`fileItems`) or raw bytes, and
 * the file is sent in its place: as header, data and end, or as bytes. Made by `fileRegion`.
 *
 * On a route of raw bytes a failure is that of the handler or of the input. On a route of files the other side gets the
 * error as an item, and the items after it are sent.
 */
export abstract class FileRegion implements RegionItem {
  /** By brand, not by identity: a region of another copy of the package in this process is one, too. */
  static [Symbol.hasInstance](value: unknown): boolean {
    // The classes of Blobs and of paths are told by identity.
    if (this !== FileRegion) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && regionBrand in value;
  }

  declare readonly [regionItem]: true;
  /** @internal */
  readonly [regionBrand] = true;
  /** The file, as it was named. */
  readonly path: string;
  readonly options: RegionOptions;
  readonly #observer: RegionObserver | undefined;

  /** @throws ConfigurationError for a hash that is not known. */
  constructor(path: string, options: RegionOptions, observer?: RegionObserver) {
    const { hash }: { readonly hash?: string } = options;
    if (hash !== undefined && hash !== 'sha256') {
      throw new ConfigurationError(`A file region has the hash ${JSON.stringify(hash)}: only sha256 is known.`);
    }
    this.path = path;
    this.options = options;
    this.#observer = observer;
  }

  /** Opens the file, and chooses how its bytes go through this port. */
  abstract open(port: RegionPort): OpenRegion | Promise<OpenRegion>;

  /** @internal The same region, with somebody who hears how it is sent. */
  abstract observedBy(observer: RegionObserver): FileRegion;

  /** @internal */
  [sendRegion](port: RegionPort, ended: (failure?: { readonly error: unknown }) => void): RegionSending {
    const { progress } = this.options;
    const observer = this.#observer ?? {
      progress: (step: FileProgress) => progress?.(step),
      failed() {},
    };
    const run = new RegionRun(this, port, observer, ended);
    run.resume();
    return run;
  }
}

/** The first byte and the number of bytes of a region of a file of `size` bytes; undefined where it is not within. */
export function boundsOf(
  { offset = 0, length }: RegionOptions,
  size: number,
): { readonly offset: number; readonly length: number } | undefined {
  const whole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (!whole(offset) || offset > size) return undefined;
  const bytes = length ?? size - offset;
  return whole(bytes) && bytes <= size - offset ? { offset, length: bytes } : undefined;
}
