import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { aFunction, checkOptions, whole, withMethods } from '../check.js';
import { PullableObservable, QueuePull } from '../flow/pull/pull.js';
import { defaultConflatedKeys } from '../limits.js';
import type { DropObserver } from './drop.js';

/** Options of {@link conflate}. */
export interface ConflateOptions<T> {
  /** Receives each item that a newer one has replaced: an observer, such as a Subject. */
  readonly drops?: DropObserver<T>;
  /**
   * Keeps the newest item of each key instead of the newest item of all, such as `({ instrument }) => instrument`. Keys
   * are compared as those of a `Map`. Default: all items have the same key.
   */
  readonly key?: (item: T) => unknown;
  /**
   * Maximum number of keys that have an item waiting, 1 or more. If an item with another key arrives, the item that has
   * waited longest is dropped (and passed to `drops`), although nothing newer of its key exists. Default 10 000.
   */
  readonly maxKeys?: number;
}

/** What the options may be. */
export const conflateRules = {
  drops: withMethods('an observer, such as a Subject', 'next'),
  key: aFunction('returns the key of an item'),
  maxKeys: whole(1),
};

/**
 * Keeps only the newest item while the consumer is not ready; with `reduce`, the held item and the new one are folded
 * into one instead, and nothing is dropped. Use it for state of which only the latest value matters. The consumer is
 * anything that sends with credit (a handler's result, the input of an exchange, `sendTo`), reads on demand
 * (`toAsyncIterable` and similar functions), or processes items one after another (`consume`).
 *
 * With `key`, the newest item of each key is kept. The keys take turns: a newer item takes the place of the one that it
 * replaces, so a key whose items arrive often does not hold back the others.
 *
 * Synchronous operators such as `map`, `finalize` or `takeUntil` may follow it; then the consumer holds one more item,
 * which is not replaced. If an asynchronous operator such as `delay` follows, or a subscriber that takes every item at
 * once, nothing is conflated. The operator accepts items as they arrive, so it applies no backpressure to a stream
 * before it.
 *
 * Errors: errors thrown by `reduce`, `key` and `drops`, immediately. An error of the source follows the held items.
 *
 * @throws ConfigurationError for an unknown or invalid option.
 *
 * @example
 * grid.handle(load, () => load$.pipe(conflate()));
 * grid.handle(traffic, () => bytes$.pipe(conflate((sum, bytes) => sum + bytes)));
 * grid.handle(quotes, () => quote$.pipe(conflate({ key: ({ instrument }) => instrument })));
 */
export function conflate<T>(reduce?: (kept: T, item: T) => T): MonoTypeOperatorFunction<T>;
export function conflate<T>(options: ConflateOptions<T>): MonoTypeOperatorFunction<T>;
export function conflate<T>(how: ((kept: T, item: T) => T) | ConflateOptions<T> = {}): MonoTypeOperatorFunction<T> {
  if (typeof how !== 'function') checkOptions(how, conflateRules, { of: 'conflate' });
  if (typeof how !== 'function' && how.key !== undefined) {
    const { key, drops, maxKeys = defaultConflatedKeys } = how;
    return (source) => new PullableObservable(() => new KeyedConflatingPull(source, key, maxKeys, drops));
  }
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

/** The newest item of one key. */
interface KeyedItem<T> {
  readonly key: unknown;
  readonly release: undefined;
  value: T;
}

/** Invariant while the source is open: `#byKey` holds exactly the items of `waiting`. */
class KeyedConflatingPull<T> extends QueuePull<T, KeyedItem<T>> {
  readonly #key: (item: T) => unknown;
  readonly #maxKeys: number;
  readonly #drops: DropObserver<T> | undefined;
  readonly #byKey = new Map<unknown, KeyedItem<T>>();
  #dropped = 0;

  constructor(source: Observable<T>, key: (item: T) => unknown, maxKeys: number, drops: DropObserver<T> | undefined) {
    super(source);
    this.#key = key;
    this.#maxKeys = maxKeys;
    this.#drops = drops;
  }

  override take(): KeyedItem<T> | undefined {
    const taken = super.take();
    if (taken !== undefined) this.#byKey.delete(taken.key);
    return taken;
  }

  override stop(): void {
    super.stop();
    this.#byKey.clear();
  }

  protected accept(item: T): void {
    const key = this.#key(item);
    const kept = this.#byKey.get(key);
    if (kept !== undefined) {
      const { value } = kept;
      kept.value = item;
      this.#drop(value);
      return;
    }
    const oldest = this.#byKey.size < this.#maxKeys ? undefined : this.take();
    const added: KeyedItem<T> = { key, value: item, release: undefined };
    this.#byKey.set(key, added);
    this.waiting.push(added);
    if (oldest !== undefined) this.#drop(oldest.value);
  }

  #drop(value: T): void {
    this.#drops?.next({ value, dropped: ++this.#dropped });
  }
}
