import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import type { Runtime } from '../runtime.js';

/** Interval at which the clocks are compared, in ms. */
const interval = 1_000;
/** In ms. A timer may be late by this much in a process that is merely busy. */
const tolerance = 2_000;

/**
 * Detects that the machine, or this process, was asleep: more wall-clock time has passed than the timer was set for.
 * Timers and the monotonic clock stand still during sleep, so otherwise a connection that the other side closed long
 * ago would be detected only by the next ping, up to an interval later. A wall clock that is set forward looks the
 * same, so a listener may only probe the connection, and must not conclude anything.
 *
 * All users of a runtime share one timer, which runs while there is a listener.
 */
export class WakeWatch {
  static readonly #watches = new WeakMap<Runtime, WakeWatch>();

  readonly #runtime: Runtime;
  readonly #listeners = new Set<{ readonly onWake: () => void }>();
  #cancel: (() => void) | undefined = undefined;

  /** The watch of a runtime. */
  static of(runtime: Runtime): WakeWatch {
    let watch = this.#watches.get(runtime);
    if (watch === undefined) this.#watches.set(runtime, (watch = new WakeWatch(runtime)));
    return watch;
  }

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Calls `onWake` each time the machine may have slept. The returned function removes the listener. */
  listen(onWake: () => void): () => void {
    const listener = { onWake };
    this.#listeners.add(listener);
    if (this.#cancel === undefined) this.#wait();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #wait(): void {
    const before = this.#runtime.wallNow();
    this.#cancel = this.#runtime.schedule(() => {
      this.#wait();
      if (this.#runtime.wallNow() - before <= interval + tolerance) return;
      for (const listener of [...this.#listeners]) {
        // A listener may remove others: what one of them does may close their connections.
        if (this.#listeners.has(listener)) guarded(reportUnhandled, listener.onWake);
      }
    }, interval);
  }
}
