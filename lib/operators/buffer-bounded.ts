import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { aFunction, checkOptions, oneOf, whole, withMethods } from '../check.js';
import { BufferOverflowError } from '../errors.js';
import { PullableObservable, QueuePull, type Taken } from '../flow/pull/pull.js';
import { sizeOf as byteSizeOf } from '../flow/size-of.js';
import type { Drop, DropObserver } from './drop.js';

/** Options of {@link bufferBounded}. */
export interface BufferBoundedOptions<T> {
  /** Maximum number of buffered items, 1 or more. */
  readonly capacity: number;
  /** Maximum number of buffered bytes. Default: unlimited. */
  readonly maxBytes?: number;
  /** Returns the size of an item in bytes; used with `maxBytes`. Default: its `byteLength`. */
  readonly sizeOf?: (item: T) => number;
  /** What to do when the buffer is full: fail with BufferOverflowError, drop the oldest item, or drop the new one. */
  readonly overflow: 'error' | 'drop-oldest' | 'drop-newest';
  /** Receives each dropped item: an observer, such as a Subject. */
  readonly drops?: DropObserver<T>;
}

const bufferRules = {
  capacity: whole(1, Number.MAX_SAFE_INTEGER, 'items'),
  maxBytes: whole(1, Number.MAX_SAFE_INTEGER, 'bytes'),
  sizeOf: aFunction('gives the size of an item'),
  overflow: oneOf('error', 'drop-oldest', 'drop-newest'),
  drops: withMethods('an observer, such as a Subject', 'next'),
};

/**
 * Buffers items, with a bound and an overflow policy, for an Observable that is faster than its consumer: the result of
 * a handler, the input of an exchange, the source of `sendTo`, or of `toAsyncIterable`, `toReadableStream` and
 * `toNodeReadable`. Items are buffered while there is no credit, or no read, and are taken one at a time.
 *
 * Synchronous operators such as `map`, `finalize` or `takeUntil` may follow it; then the consumer holds one more item.
 * If an asynchronous operator such as `delay` follows, or a subscriber that takes every item at once, nothing is
 * buffered. The operator accepts items as they arrive, so it applies no backpressure to a stream before it.
 *
 * Errors: BufferOverflowError, immediately, if `overflow` is `error`; TypeError if `maxBytes` is set and an item has no
 * size; errors thrown by `sizeOf` and `drops`. An error of the source follows the buffered items.
 *
 * @throws ConfigurationError for an unknown, missing or invalid option.
 *
 * @example
 * grid.handle(prices, () => prices$.pipe(bufferBounded({ capacity: 100, overflow: 'drop-oldest' })));
 */
export function bufferBounded<T>(options: BufferBoundedOptions<T>): MonoTypeOperatorFunction<T> {
  checkOptions(options, bufferRules, { of: 'bufferBounded', required: ['capacity', 'overflow'] });
  return (source) => new PullableObservable(() => new BoundedPull(source, options));
}

interface Waiting<T> extends Taken<T> {
  readonly bytes: number;
}

class BoundedPull<T> extends QueuePull<T, Waiting<T>> {
  readonly #options: BufferBoundedOptions<T>;
  #bytes = 0;
  #dropped = 0;

  constructor(source: Observable<T>, options: BufferBoundedOptions<T>) {
    super(source);
    this.#options = options;
  }

  override take(): Waiting<T> | undefined {
    const taken = super.take();
    if (taken !== undefined) this.#bytes -= taken.bytes;
    return taken;
  }

  protected accept(value: T): void {
    const { maxBytes, sizeOf = byteSizeOf, overflow } = this.#options;
    const bytes = maxBytes === undefined ? 0 : sizeOf(value);
    const dropped: T[] = [];
    while (overflow === 'drop-oldest' && !this.#hasRoomFor(bytes) && this.waiting.length > 0) {
      dropped.push(this.take()!.value);
    }
    if (this.#hasRoomFor(bytes)) {
      this.waiting.push({ value, bytes, release: undefined });
      this.#bytes += bytes;
    } else if (overflow === 'error') {
      throw this.#overflowError();
    } else dropped.push(value);
    // Reported last, when the buffer is consistent, because the observer may run any code.
    for (const item of dropped) this.#reportDrop(item);
  }

  #hasRoomFor(bytes: number): boolean {
    const { capacity, maxBytes = Infinity } = this.#options;
    return this.waiting.length < capacity && this.#bytes + bytes <= maxBytes;
  }

  #reportDrop(value: T): void {
    const drop: Drop<T> = { value, dropped: ++this.#dropped };
    this.#options.drops?.next(drop);
  }

  #overflowError(): BufferOverflowError {
    const { capacity, maxBytes } = this.#options;
    return new BufferOverflowError(
      `bufferBounded: an Observable produced faster than its consumer takes: more than ${String(capacity)} items${maxBytes === undefined ? '' : ` or ${String(maxBytes)} bytes`} wait. ` +
        'Raise capacity, choose another overflow, or return an iterable or a generator.',
    );
  }
}
