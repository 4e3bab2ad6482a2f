import { aFunction, checkOptions, oneOf, whole, type Rule } from '../check.js';
import type { RegionDone } from '../mux/schedule/region-frame.js';
import {
  sendRegion,
  type regionItem,
  type RegionItem,
  type RegionPort,
  type RegionSending,
} from '../codec/region-item.js';
import { RegionTransfer } from './region-transfer.js';

/**
 * How the bytes of a file get to the socket: `kernel`, from the page cache without passing through JavaScript;
 * `pooled`, through a few buffers; `browser`, from a Blob.
 */
export type FileMode = 'kernel' | 'pooled' | 'browser';

/** The progress of a file region that is being sent. */
export interface FileProgress {
  /** The file, as the caller named it; of a Blob, its name, if any. */
  readonly path: string;
  /** Bytes that the transport has taken. */
  readonly sent: number;
  /** Bytes of the region. */
  readonly total: number;
  readonly mode: FileMode;
  /** Why the mode is not, or no longer, `kernel`. */
  readonly reason: string | undefined;
  /** Bytes of `sent` that passed through JavaScript. */
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
   * True: the file may grow while it is sent, as a log does; only a truncation of the region counts as a change.
   * Default false: a file that is written to while it is sent fails with FileChangedError.
   */
  readonly growing?: boolean;
  /** Path of the file in the stream. Default: its name, without the folders. */
  readonly as?: string;
  /**
   * The hash that the end of the file carries, for the receiver to check. The bytes then pass through JavaScript.
   * Default none.
   */
  readonly hash?: 'sha256';
  /** Called after each frame. Handlers have no other way to observe the progress. */
  readonly progress?: (progress: FileProgress) => void;
}

const regionRules: Readonly<Record<keyof RegionOptions, Rule>> = {
  offset: whole(0, Number.MAX_SAFE_INTEGER, 'bytes'),
  length: whole(0, Number.MAX_SAFE_INTEGER, 'bytes'),
  growing: oneOf(true, false),
  as: { expected: 'a text', accepts: (value) => typeof value === 'string' },
  hash: oneOf('sha256'),
  progress: aFunction('takes the progress'),
};

/** Bytes of one frame, ready to be sent. */
export interface RegionPart {
  /** Bytes. */
  readonly length: number;
  /** Sends one message of `head` and the bytes. */
  write(head: Uint8Array, done: RegionDone): void;
  /** The part will not be sent. */
  drop(): void;
}

/** A region whose file is open. */
export interface OpenRegion {
  readonly mode: FileMode;
  readonly reason: string | undefined;
  /** Bytes so far that passed through JavaScript. */
  readonly copied: number;
  /** Path of the file in the stream. */
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
  /** Name of the hash that the end of the file carries. */
  readonly hash: string | undefined;
  /** The bytes from `at` on, at most `max`. Called for one part after the other, in order. */
  part(at: number, max: number): RegionPart | Promise<RegionPart>;
  /** All bytes are sent. The result is the hash. Throws where the file has changed since its header was sent. */
  finish(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Closes the file, where it was opened for the region. Called once, after the last frame was written. */
  close(): void;
}

/** Observes the sending of a region. */
export interface RegionObserver {
  progress(progress: FileProgress): void;
  /** The region cannot be sent. On a route of files, the peer got the error, and the stream goes on. */
  failed(error: unknown): void;
}

/** Brand of a region. The symbol is registered, so that two copies of the library recognise each other's regions. */
const regionBrand: unique symbol = Symbol.for('rxgrid.FileRegion');

/**
 * A region of a file, made by `fileRegion`. A handler returns or yields it, or an input has it, where the route carries
 * files (`fileItems`) or raw bytes. The file is sent in its place: as a header, data and an end, or as bytes.
 *
 * On a route of raw bytes, a failure is that of the handler or of the input. On a route of files, the peer gets the
 * error as an item, and the items after it are sent.
 */
export abstract class FileRegion implements RegionItem {
  /** By brand, not by identity: a region of another copy of the package counts, too. */
  static [Symbol.hasInstance](value: unknown): boolean {
    // The subclasses have no brands.
    if (this !== FileRegion) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && regionBrand in value;
  }

  declare readonly [regionItem]: true;
  /** @internal */
  readonly [regionBrand] = true;
  /** The file, as the caller named it. */
  readonly path: string;
  readonly options: RegionOptions;
  readonly #observer: RegionObserver | undefined;

  /** @throws ConfigurationError for an option that does not exist or cannot work. */
  constructor(path: string, options: RegionOptions, observer?: RegionObserver) {
    checkOptions(options, regionRules, { of: 'fileRegion' });
    this.path = path;
    this.options = options;
    this.#observer = observer;
  }

  /** Opens the file, and chooses how its bytes go through this port. */
  abstract open(port: RegionPort): OpenRegion | Promise<OpenRegion>;

  /** @internal The same region with another observer. */
  abstract observedBy(observer: RegionObserver): FileRegion;

  /** @internal */
  [sendRegion](port: RegionPort, ended: (failure?: { readonly error: unknown }) => void): RegionSending {
    const { progress } = this.options;
    const observer = this.#observer ?? {
      progress: (step: FileProgress) => progress?.(step),
      failed() {},
    };
    const run = new RegionTransfer(this, port, observer, ended);
    run.resume();
    return run;
  }
}

/**
 * The first byte and the number of bytes of a region of a file of `size` bytes; undefined: it is not within the file.
 */
export function boundsOf(
  { offset = 0, length }: RegionOptions,
  size: number,
): { readonly offset: number; readonly length: number } | undefined {
  const whole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (!whole(offset) || offset > size) return undefined;
  const bytes = length ?? size - offset;
  return whole(bytes) && bytes <= size - offset ? { offset, length: bytes } : undefined;
}
