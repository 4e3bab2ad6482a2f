import type { Runtime } from '../../runtime.js';

/**
 * The disk of a host, for handlers of a test that simulate a store. An access takes no time until a fault makes the
 * disk slow.
 */
export class Disk {
  readonly #clock: Runtime;
  readonly #delays: number[] = [];

  constructor(clock: Runtime) {
    this.#clock = clock;
  }

  /** Resolves when a read or a write that begins now is done. */
  access(): Promise<void> {
    const ms = Math.max(0, ...this.#delays);
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.schedule(resolve, ms);
    });
  }

  /**
   * Makes each access that begins from now on take so many ms; of several such faults, the slowest counts. The result
   * ends it.
   */
  slow(ms: number): () => void {
    this.#delays.push(ms);
    let over = false;
    return () => {
      if (!over) this.#delays.splice(this.#delays.indexOf(ms), 1);
      over = true;
    };
  }
}
