/**
 * The handlers of one peer that run on after their calls have ended, and the bytes that they hold. The peer keeps it across
 * its links: a peer that hangs up and connects again gets no new allowance for the handlers that it left behind.
 *
 *     call open (table of its engine) ──cancel | deadline | loss──▶ running on (here) ──handler ends──▶ gone
 */
export class RunningHandlers {
  readonly #onUnused: (() => void) | undefined;
  // One for each engine that counts these bytes.
  readonly #listeners = new Set<(bytes: number) => void>();
  #count = 0;
  #bytes = 0;

  /** `onUnused`: no engine uses it, and no handler runs on. */
  constructor(onUnused?: () => void) {
    this.#onUnused = onUnused;
  }

  /** Handlers that run on. */
  get count(): number {
    return this.#count;
  }

  /** Bytes that they hold of what the other side sent. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An engine begins to count them. `onReleased` is called with the bytes of each handler that ends. The result ends both. */
  join(onReleased: (bytes: number) => void): () => void {
    this.#listeners.add(onReleased);
    return () => {
      if (this.#listeners.delete(onReleased)) this.#checkUse();
    };
  }

  /** The call of a handler has ended, and the handler runs on, with so many bytes, until the promise settles. */
  add(bytes: number, until: PromiseLike<unknown>): void {
    this.#count++;
    this.#bytes += bytes;
    const ended = (): void => {
      this.#count--;
      this.#bytes -= bytes;
      for (const onReleased of this.#listeners) onReleased(bytes);
      this.#checkUse();
    };
    void Promise.resolve(until).then(ended, ended);
  }

  #checkUse(): void {
    if (this.#count === 0 && this.#listeners.size === 0) this.#onUnused?.();
  }
}
