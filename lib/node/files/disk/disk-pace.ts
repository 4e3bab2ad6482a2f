/** A file that takes longer than this, in ms, waited for the disk: a busy processor rarely takes so long. */
const slowMs = 10;
/** Files that go through the thread pool after one that waited for the disk. */
const pooledAfterSlow = 64;

/**
 * Decides whether small files are read and written synchronously on the thread of the event loop, or by the thread
 * pool.
 *
 * A file in the page cache takes about 10 µs synchronously, and five times as long through the pool, whose threads are
 * woken for each step (measured with bench/files/many.mjs). A file that waits for the disk must not block the event
 * loop. So files are handled synchronously until one is seen to wait; then some go through the pool.
 */
export class DiskPace {
  #pooled = 0;

  /** True: the next file may be handled synchronously, within {@link measure}. Each call counts as one file. */
  takeQuick(): boolean {
    if (this.#pooled === 0) return true;
    this.#pooled--;
    return false;
  }

  /** Runs the synchronous work on one file, and notes whether it waited for the disk. */
  measure<T>(work: () => T): T {
    const began = performance.now();
    try {
      return work();
    } finally {
      if (performance.now() - began > slowMs) this.#pooled = pooledAfterSlow;
    }
  }
}

/** The pace of this process. */
export const diskPace = new DiskPace();
