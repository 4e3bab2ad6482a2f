/**
 * Registers a single listener per AbortSignal, however many callbacks wait for it: Node warns of a leak where a signal
 * has more than ten listeners, and one handler may make a thousand calls with its own signal.
 */

import { CancelledError } from '../errors.js';
import { guarded } from '../guard.js';
import { reportUnhandled } from './unhandled.js';

const watched = new WeakMap<AbortSignal, AbortListeners>();

class AbortListeners {
  readonly #signal: AbortSignal;
  readonly #listeners = new Set<{ readonly call: () => void }>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
    watched.set(signal, this);
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
      // As with event listeners, the other callbacks are called regardless.
      guarded(reportUnhandled, entry.call);
    }
  };

  // The signal may be an object of the user. An error that it throws must not keep a call from its end.
  #stop(): void {
    watched.delete(this.#signal);
    guarded(reportUnhandled, () => {
      this.#signal.removeEventListener('abort', this.#onAbort);
    });
  }
}

/**
 * Calls `listener` once when the signal, which must not be aborted yet, aborts. The returned function removes the
 * listener; further calls do nothing.
 */
export function whenAborted(signal: AbortSignal, listener: () => void): () => void {
  return (watched.get(signal) ?? new AbortListeners(signal)).add(listener);
}

/**
 * The reason of a signal that has aborted. Never throws, and never returns undefined, which would be taken for a normal
 * end: signals of other implementations may have none.
 */
export function abortReason(signal: AbortSignal): unknown {
  let reason: unknown;
  try {
    reason = signal.reason;
  } catch (error) {
    reason = error;
  }
  return reason === undefined ? new CancelledError('The signal of the call was aborted.') : reason;
}
