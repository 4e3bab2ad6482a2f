import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { checkOptions, withMethods } from '../check.js';
import { PullableObservable, QueuePull } from '../flow/pull.js';
import type { DropObserver } from './drop.js';

/** Options of {@link conflate}. */
export interface ConflateOptions<T> {
  /** Receives each item that a newer one has replaced: an observer, such as a Subject. */
  readonly drops?: DropObserver<T>;
}

const conflateRules = { drops: withMethods('an observer, such as a Subject', 'next') };

/**
 * Keeps only the newest item while the consumer is not ready; with `reduce`, the held item and the new one are folded into one
 * instead, and nothing is dropped. Use it for state of which only the latest value matters. The consumer is anything that
 * sends with credit (a handler's result, the input of an exchange, `sendTo`), reads on demand (`toAsyncIterable` and similar
 * functions), or processes items one after another (`consume`).
 *
 * Synchronous operators such as `map`, `finalize` or `takeUntil` may follow it; then the consumer holds one more item, which
 * is not replaced. If an asynchronous operator such as `delay` follows, or a subscriber that takes every item at once,
 * nothing is conflated. The operator accepts items as they arrive, so it applies no backpressure to a stream before it.
 *
 * Errors: errors thrown by `reduce` and `drops`, immediately. An error of the source follows the held item.
 *
 * @throws ConfigurationError for an unknown or invalid option.
 *
 * @example
 * grid.handle(load, () => load$.pipe(conflate()));
 * grid.handle(traffic, () => bytes$.pipe(conflate((sum, bytes) => sum + bytes)));
 */
export function conflate<T>(reduce?: (kept: T, item: T) => T): MonoTypeOperatorFunction<T>;
export function conflate<T>(options: ConflateOptions<T>): MonoTypeOperatorFunction<T>;
export function conflate<T>(how: ((kept: T, item: T) => T) | ConflateOptions<T> = {}): MonoTypeOperatorFunction<T> {
  if (typeof how !== 'function') checkOptions(how, conflateRules, { of: 'conflate' });
  return (source) => new PullableObservable(() => new ConflatingPull(source, how));
}

class ConflatingPull<T> extends QueuePull<T> {
  readonly #how: ((kept: T, item: T) => T) | ConflateOptions<T>;
  #dropped = 0;

  constructor(source: Observable<T>, how: ((kept: T, item: T) => T) | ConflateOptions<T>) {
    super(source);
    this.#how = how;
  }

  protected accept(item: T): void {
    const kept = this.waiting.shift();
    if (kept === undefined) {
      this.waiting.push({ value: item, release: undefined });
      return;
    }
    if (typeof this.#how === 'function') {
      this.waiting.push({ value: this.#how(kept.value, item), release: undefined });
      return;
    }
    this.waiting.push({ value: item, release: undefined });
    this.#how.drops?.next({ value: kept.value, dropped: ++this.#dropped });
  }
}
