import { Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import { oneOf, whole, withMethods } from '../check.js';
import { CancelledError } from '../errors.js';
import type { Pull } from '../flow/pull/pull.js';
import { checkReaderOptions, checkSource, openReader, type ReaderOptions } from '../flow/pull/reader-pull.js';

/** Options of {@link toNodeReadable}. */
export interface NodeReadableOptions extends ReaderOptions {
  /** False: the items are Uint8Arrays or strings, and the stream is one of bytes. Default true. */
  readonly objectMode?: boolean;
  /**
   * What Node reads ahead of the reader: items, or bytes where `objectMode` is false. It is out of the credit's sight.
   * Default 0.
   */
  readonly highWaterMark?: number;
  /** Aborting it destroys the stream. */
  readonly signal?: AbortSignal;
}

const readableRules = {
  objectMode: oneOf(true, false),
  highWaterMark: whole(0),
  signal: withMethods('an AbortSignal', 'addEventListener'),
};

/**
 * A Node Readable of an Observable's items. Demand follows the reader: the credit of a stream's item returns when the
 * next one is asked for, also behind operators that pass items on synchronously; what nothing can hold back waits, up
 * to `capacity`. What `bufferBounded` and `conflate` hold is taken when the reader asks.
 *
 * It subscribes at the first read; `destroy()` unsubscribes.
 *
 * Errors: those of the source, after what waits; BufferOverflowError, at once; TypeError for an item `null`, which Node
 * takes for the end.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 *
 * @example
 * await pipeline(toNodeReadable(host2.stream(download, { name }), { objectMode: false }), createWriteStream(path));
 */
export function toNodeReadable<T>(source: Observable<T>, options: NodeReadableOptions = {}): Readable {
  checkSource('toNodeReadable', source);
  checkReaderOptions('toNodeReadable', options, readableRules);
  return new PullReadable(openReader(source, 'toNodeReadable', options), options);
}

class PullReadable<T> extends Readable {
  readonly #pull: Pull<T>;
  #opened = false;
  #asked = false;
  #serving = false;
  // Of the item that the reader works on.
  #release: (() => void) | undefined = undefined;

  constructor(pull: Pull<T>, { objectMode = true, highWaterMark = 0, signal }: NodeReadableOptions) {
    super({ objectMode, highWaterMark, ...(signal === undefined ? {} : { signal }) });
    this.#pull = pull;
  }

  override _read(): void {
    this.#asked = true;
    this.#releaseTaken();
    if (this.#opened) {
      this.#serve();
      return;
    }
    this.#opened = true;
    this.#pull.open(this.#serve);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#releaseTaken();
    this.#pull.stop();
    callback(error);
  }

  readonly #serve = (): void => {
    // `push` may call `_read`.
    if (this.#serving) return;
    this.#serving = true;
    while (this.#asked && !this.destroyed) {
      const taken = this.#pull.take();
      if (taken === undefined) break;
      this.#give(taken.value, taken.release);
    }
    this.#serving = false;
    const { end } = this.#pull;
    if (end === undefined || this.destroyed) return;
    if (end.failed) this.destroy((end.error ?? new CancelledError('The source failed without an error.')) as Error);
    else this.push(null);
  };

  #give(value: T, release: (() => void) | undefined): void {
    if (value === null) {
      release?.();
      this.destroy(new TypeError('toNodeReadable: an item is null, which a Node stream takes for its end. Map it.'));
      return;
    }
    // In a stream of bytes Node does not ask again after an empty item.
    if (!this.readableObjectMode && (value as { readonly length: number }).length === 0) {
      release?.();
      return;
    }
    this.#release = release;
    this.#asked = false;
    this.push(value);
  }

  #releaseTaken(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}
