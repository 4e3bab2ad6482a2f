/** A file that takes longer than this waited for a disk, in ms: more than a turn of the processor that others have. */
const slowMs = 10;
/** Files that go through the pool after one that waited. */
const backOff = 64;

/**
 * Whether small files are read and written at once, on the thread of the event loop, or by the thread pool.
 *
 * What is in the memory of the system takes some 10 µs for a whole file at once, and five times that by way of the pool,
 * whose threads have to be woken for each step (measured with bench/files/many.mjs). What waits for a disk must not hold
 * up the loop. So: at once, until one is seen to wait; then some by the pool.
 */
export class DiskPace {
  #left = 0;

  /** True: the next file may be handled at once, within {@link measure}. */
  get quick(): boolean {
    if (this.#left === 0) return true;
    this.#left--;
    return false;
  }

  /** Runs what handles one file at once. */
  measure<T>(work: () => T): T {
    const began = performance.now();
    try {
      return work();
    } finally {
      if (performance.now() - began > slowMs) this.#left = backOff;
    }
  }
}

/** The pace of this process. */
export const diskPace = new DiskPace();
