/**
 * One listener for each AbortSignal, however many wait for it: Node prints a warning about a leak where a signal has more
 * than ten, and a handler may make a thousand calls on behalf of its own.
 */

import { throwError } from 'rxjs';

const watched = new WeakMap<AbortSignal, AbortListeners>();

class AbortListeners {
  readonly #signal: AbortSignal;
  readonly #listeners = new Set<{ readonly call: () => void }>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    watched.set(signal, this);
    signal.addEventListener('abort', this.#onAbort);
  }

  add(call: () => void): () => void {
    // An entry of its own, so that a function may be added twice.
    const entry = { call };
    this.#listeners.add(entry);
    return () => {
      if (this.#listeners.delete(entry) && this.#listeners.size === 0) this.#stop();
    };
  }

  readonly #onAbort = (): void => {
    const entries = [...this.#listeners];
    this.#stop();
    for (const entry of entries) {
      // One that was removed by another must not be called.
      if (!this.#listeners.delete(entry)) continue;
      try {
        entry.call();
      } catch (error) {
        // As for a listener that throws, the others are called all the same; rxjs has the hook for what nobody catches.
        throwError(() => error).subscribe();
      }
    }
  };

  #stop(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    watched.delete(this.#signal);
  }
}

/** Calls `listener` once when the signal, which has not aborted yet, aborts. The result stops listening; more than once is harmless. */
export function whenAborted(signal: AbortSignal, listener: () => void): () => void {
  return (watched.get(signal) ?? new AbortListeners(signal)).add(listener);
}
