import type { Pull } from './pull.js';

interface Request<T> {
  readonly resolve: (result: IteratorResult<T, void>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The async iterator of a {@link Pull}. The credit of an item returns when the loop asks for the next one. Leaving the
 * loop stops the pull.
 *
 *     new ──next──▶ open ──end of the pull | return | throw──▶ ended
 */
export class PullIterator<T> implements AsyncGenerator<T, void, void> {
  readonly #pull: Pull<T>;
  #opened = false;
  #ended = false;
  #requests: Request<T>[] = [];
  // Releases the item that the loop is working on.
  #release: (() => void) | undefined = undefined;

  constructor(pull: Pull<T>) {
    this.#pull = pull;
  }

  next(): Promise<IteratorResult<T, void>> {
    return new Promise((resolve, reject) => {
      this.#requests.push({ resolve, reject });
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
    while (this.#requests.length > 0 && !this.#ended) {
      const taken = this.#pull.take();
      if (taken === undefined) {
        const { end } = this.#pull;
        if (end === undefined) return;
        if (end.failed) this.#requests.shift()!.reject(end.error);
        this.#finish();
        return;
      }
      this.#requests.shift()!.resolve({ done: false, value: taken.value });
      // `next` was called twice without awaiting the first result: the earlier item counts as consumed.
      if (this.#requests.length > 0) taken.release?.();
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
    for (const { resolve } of this.#requests.splice(0)) resolve({ done: true, value: undefined });
  }

  #releaseTaken(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}
