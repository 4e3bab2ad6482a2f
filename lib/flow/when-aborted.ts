/**
 * Registers a single listener per AbortSignal, however many callbacks wait for it: Node warns of a leak where a signal has
 * more than ten listeners, and one handler may make a thousand calls with its own signal.
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
      // A callback that another one removed must not be called.
      if (!this.#listeners.delete(entry)) continue;
      try {
        entry.call();
      } catch (error) {
        // As with event listeners, the other callbacks are called regardless. rxjs reports the error as unhandled.
        throwError(() => error).subscribe();
      }
    }
  };

  #stop(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    watched.delete(this.#signal);
  }
}

/** Calls `listener` once when the signal, which must not be aborted yet, aborts. The returned function removes the listener; further calls do nothing. */
export function whenAborted(signal: AbortSignal, listener: () => void): () => void {
  return (watched.get(signal) ?? new AbortListeners(signal)).add(listener);
}
