import type { Pull } from './pull.js';

interface Asked<T> {
  readonly resolve: (result: IteratorResult<T, void>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The async iterator of a {@link Pull}: the credit of an item returns when the loop asks for the next one. Leaving the
 * loop stops the pull. It opens at the first `next()`.
 */
export class PullIterator<T> implements AsyncGenerator<T, void, void> {
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
