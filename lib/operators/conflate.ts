import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { checkOptions, withMethods } from '../check.js';
import { PullableObservable, QueuePull } from '../flow/pull.js';
import type { DropObserver } from './drop.js';

/** Options of {@link conflate}. */
export interface ConflateOptions<T> {
  /** Hears of each item that a newer one replaced: an observer, such as a Subject. */
  readonly drops?: DropObserver<T>;
}

const conflateRules = { drops: withMethods('an observer, such as a Subject', 'next') };

/**
 * For state that only counts at its newest: while the consumer is not ready, one item waits, and a newer one takes its
 * place; with `reduce`, the two are folded into one instead, and nothing is given up. The consumer is what sends with
 * credit (a handler's result, the input of an exchange, `sendTo`), reads on demand (`toAsyncIterable` and its like), or
 * works on one item after the other (`consume`).
 *
 * Operators that pass items on synchronously, such as `map`, `finalize` or `takeUntil`, may stand behind it; then one more
 * item waits at its consumer, and is as old as it is. Behind an asynchronous operator, such as `delay`, and for a
 * subscriber that takes every item at once, nothing is conflated. It takes items as they come, so a stream before it is
 * not held back.
 *
 * Errors: what `reduce` and `drops` throw, at once. An error of the source comes after the item that waits.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
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
