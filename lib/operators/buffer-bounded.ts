import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { aFunction, checkOptions, oneOf, whole, withMethods } from '../check.js';
import { BufferOverflowError } from '../errors.js';
import { PullableObservable, QueuePull, type Taken } from '../flow/pull.js';
import { sizeOf as byteSizeOf } from '../flow/size-of.js';
import type { Drop, DropObserver } from './drop.js';

/** Options of {@link bufferBounded}. */
export interface BufferBoundedOptions<T> {
  /** Items that may wait, 1 or more. */
  readonly capacity: number;
  /** Bytes that may wait. Default: no bound but the items'. */
  readonly maxBytes?: number;
  /** Size of an item, in bytes, where `maxBytes` is set. Default: its `byteLength`. */
  readonly sizeOf?: (item: T) => number;
  /** What to do with an item too many: fail with BufferOverflowError, give up the oldest, or give up the new one. */
  readonly overflow: 'error' | 'drop-oldest' | 'drop-newest';
  /** Hears of each item that is given up: an observer, such as a Subject. */
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
 * A buffer, with a bound and a policy of your own, for an Observable that is faster than its consumer: what a handler
 * returns, the input of an exchange, what goes into `sendTo`, or what `toAsyncIterable`, `toReadableStream` and
 * `toNodeReadable` read. Items wait while there is no credit, or nobody reads, and are taken one by one.
 *
 * Operators that pass items on synchronously, such as `map`, `finalize` or `takeUntil`, may stand behind it; then one more
 * item waits at its consumer. Behind an asynchronous operator, such as `delay`, and for a subscriber that takes every item
 * at once, nothing waits. It takes items as they come, so a stream before it is not held back; for that, leave it out.
 *
 * Errors: BufferOverflowError, at once, where `overflow` is `error`; TypeError where `maxBytes` is set and an item has no size;
 * what `sizeOf` and `drops` throw. An error of the source comes after what waits.
 *
 * @throws ConfigurationError for an option that is unknown, missing, or cannot work.
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
    const given: T[] = [];
    while (overflow === 'drop-oldest' && !this.#hasRoomFor(bytes) && this.waiting.length > 0) {
      given.push(this.take()!.value);
    }
    if (this.#hasRoomFor(bytes)) {
      this.waiting.push({ value, bytes, release: undefined });
      this.#bytes += bytes;
    } else if (overflow === 'error') {
      throw this.#overflowError();
    } else given.push(value);
    // Told when the buffer is in order again: who hears of it may do anything.
    for (const dropped of given) this.#tell(dropped);
  }

  #hasRoomFor(bytes: number): boolean {
    const { capacity, maxBytes = Infinity } = this.#options;
    return this.waiting.length < capacity && this.#bytes + bytes <= maxBytes;
  }

  #tell(value: T): void {
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
