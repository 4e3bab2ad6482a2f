import type { Observable } from 'rxjs';
import type { Pull } from '../flow/pull.js';
import { checkCapacity, openReader, type ReaderOptions } from '../flow/reader-pull.js';

/**
 * Reads an Observable with `for await`. The credit of a stream's item returns when the loop asks for the next one, also
 * behind operators that pass items on synchronously; what nothing can hold back waits, up to `capacity`. What
 * `bufferBounded` and `conflate` hold is taken when the loop asks.
 *
 * Each loop is a subscription. It begins at the first `next()`; leaving the loop unsubscribes.
 *
 * Errors: those of the source, after what waits; BufferOverflowError, at once.
 *
 * @throws RangeError for a capacity that is none.
 *
 * @example
 * for await (const event of toAsyncIterable(host2.stream(watch, {}).pipe(filter(isHot)))) await save(event);
 */
export function toAsyncIterable<T>(source: Observable<T>, options: ReaderOptions = {}): AsyncIterable<T> {
  checkCapacity('toAsyncIterable', options.capacity);
  return {
    [Symbol.asyncIterator]: () => new PullIterator(openReader(source, 'toAsyncIterable', options)),
  };
}

interface Asked<T> {
  readonly resolve: (result: IteratorResult<T, void>) => void;
  readonly reject: (reason: unknown) => void;
}

class PullIterator<T> implements AsyncGenerator<T, void, void> {
  readonly #pull: Pull<T>;
  #opened = false;
  #ended = false;
  #asked: Asked<T>[] = [];
  // Of the item that the loop works on.
  #release: (() => void) | undefined = undefined;

  constructor(pull: Pull<T>) {
    this.#pull = pull;
  }

  next(): Promise<IteratorResult<T, void>> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#releaseTaken();
      if (this.#opened || this.#ended) {
        this.#serve();
        return;
      }
      this.#opened = true;
      try {
        this.#pull.open(() => {
          this.#serve();
        });
      } catch (refusal) {
        this.#finish();
        reject(refusal);
      }
    });
  }

  return(): Promise<IteratorResult<T, void>> {
    this.#stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(reason: unknown): Promise<IteratorResult<T, void>> {
    this.#stop();
    return Promise.reject(reason);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #serve(): void {
    while (this.#asked.length > 0 && !this.#ended) {
      const taken = this.#pull.take();
      if (taken === undefined) {
        const { end } = this.#pull;
        if (end === undefined) return;
        if (end.failed) this.#asked.shift()!.reject(end.error);
        this.#finish();
        return;
      }
      this.#asked.shift()!.resolve({ done: false, value: taken.value });
      // Two calls of `next` without waiting: the earlier item counts as done.
      if (this.#asked.length > 0) taken.release?.();
      else this.#release = taken.release;
    }
    if (this.#ended) this.#finish();
  }

  #stop(): void {
    this.#finish();
    this.#releaseTaken();
    this.#pull.stop();
  }

  #finish(): void {
    this.#ended = true;
    for (const { resolve } of this.#asked.splice(0)) resolve({ done: true, value: undefined });
  }

  #releaseTaken(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}
