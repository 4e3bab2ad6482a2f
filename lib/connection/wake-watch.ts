import type { Runtime } from '../runtime.js';

/** The clocks are compared so often, in ms. */
const interval = 1_000;
/** A timer may be this much late, in ms, in a process that is merely busy. */
const tolerance = 2_000;

/**
 * Notices that the machine, or this process, has been asleep: more wall time has passed than a timer takes. Timers and the
 * monotonic clock stand still meanwhile, so without it a connection that the other side gave up long ago would be found
 * out only by a ping that is due up to an interval later. A wall clock that is set forward looks the same; so a
 * listener must only ask again, and may not conclude anything.
 *
 * There is one timer for all who share a runtime, while somebody listens.
 */
export class WakeWatch {
  static readonly #watches = new WeakMap<Runtime, WakeWatch>();

  readonly #runtime: Runtime;
  readonly #listeners = new Set<{ readonly onWake: () => void }>();
  #cancel: (() => void) | undefined = undefined;

  /** The watch of all who share a runtime. */
  static of(runtime: Runtime): WakeWatch {
    let watch = this.#watches.get(runtime);
    if (watch === undefined) this.#watches.set(runtime, (watch = new WakeWatch(runtime)));
    return watch;
  }

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Calls `onWake` each time the machine may have slept. The result stops that. */
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
      for (const { onWake } of [...this.#listeners]) onWake();
    }, interval);
  }
}
