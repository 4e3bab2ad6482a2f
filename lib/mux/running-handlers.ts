import { guarded } from '../guard.js';

/**
 * Counts the handlers of one peer that keep running after their calls have ended, and the bytes that they hold. There
 * is one instance per peer, across its links: a peer that disconnects and reconnects gets no new allowance for the
 * handlers that it left behind.
 *
 *     call open (table of its engine) ──cancel | deadline | loss──▶ still running (counted here) ──handler ends──▶ removed
 */
export class RunningHandlers {
  readonly #onUnused: (() => void) | undefined;
  // One for each engine that accounts for these bytes.
  readonly #listeners = new Set<(bytes: number) => void>();
  #count = 0;
  #bytes = 0;

  /** `onUnused` is called when no engine uses the count and no handler is left. */
  constructor(onUnused?: () => void) {
    this.#onUnused = onUnused;
  }

  /** Number of handlers that are still running. */
  get count(): number {
    return this.#count;
  }

  /** Received bytes that they hold. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Registers an engine that accounts for these bytes. `onReleased` is called with the bytes of each handler that ends.
   * Returns a function that unregisters it.
   */
  join(onReleased: (bytes: number) => void): () => void {
    this.#listeners.add(onReleased);
    return () => {
      if (this.#listeners.delete(onReleased)) this.#checkUse();
    };
  }

  /** Adds a handler whose call has ended. It holds so many bytes until the promise settles. */
  add(bytes: number, until: PromiseLike<unknown>): void {
    this.#count++;
    this.#bytes += bytes;
    let isRunning = true;
    const ended = (): void => {
      if (!isRunning) return;
      isRunning = false;
      this.#count--;
      this.#bytes -= bytes;
      for (const onReleased of this.#listeners) onReleased(bytes);
      this.#checkUse();
    };
    // The Promise of a user may have a `then` of its own, which throws: nobody can know when that handler ends.
    guarded(ended, () => {
      void Promise.resolve(until).then(ended, ended);
    });
  }

  #checkUse(): void {
    if (this.#count === 0 && this.#listeners.size === 0) this.#onUnused?.();
  }
}
