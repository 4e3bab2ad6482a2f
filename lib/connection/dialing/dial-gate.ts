import type { Runtime } from '../../runtime.js';
import { stallTolerantTimer } from './stall-tolerant-timer.js';

/** Number of later dials that may overtake one that has a lower bound of its own. */
const maxOvertaken = 64;

interface Waiting {
  readonly limit: number;
  overtaken: number;
  readonly begin: () => void;
}

/**
 * A semaphore for the dials of a process, first come, first served. Each dial has its own limit; one whose limit is
 * reached is overtaken by dials with higher limits. A dial takes some milliseconds of CPU: if hundreds start together,
 * none of them finishes in time, and all of the work is lost.
 *
 *     waiting ──room──▶ running ──released, or silent for long──▶ done
 */
export class DialGate {
  static readonly #gates = new WeakMap<Runtime, DialGate>();

  readonly #runtime: Runtime;
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  /** The gate of a runtime, which all hosts of a process share. */
  static of(runtime: Runtime): DialGate {
    let gate = this.#gates.get(runtime);
    if (gate === undefined) this.#gates.set(runtime, (gate = new DialGate(runtime)));
    return gate;
  }

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Calls `begin` once fewer than `limit` dials are running. The dial counts as running until the returned function is
   * called, which also cancels a waiting dial, and for at most `silence` ms: a dial that takes longer waits for the
   * network and needs no CPU, and hosts that are down must not delay the others.
   */
  acquire(limit: number, silence: number, begin: () => void): () => void {
    let cancelTimer: (() => void) | undefined;
    const entry: Waiting = {
      limit,
      overtaken: 0,
      begin: () => {
        this.#running++;
        cancelTimer = stallTolerantTimer(this.#runtime, release, silence);
        begin();
      },
    };
    const release = (): void => {
      this.#waiting.delete(entry);
      if (cancelTimer === undefined) return;
      cancelTimer();
      cancelTimer = undefined;
      this.#running--;
      this.#next();
    };
    this.#waiting.add(entry);
    this.#next();
    return release;
  }

  #next(): void {
    const overtaken: Waiting[] = [];
    for (const entry of this.#waiting) {
      if (this.#running >= entry.limit) {
        // It has been overtaken often enough: the others wait until there is room for it, so that it does not starve.
        if (entry.overtaken >= maxOvertaken) return;
        this.#runtime.sometimes?.('a dial waited at the gate');
        overtaken.push(entry);
        continue;
      }
      this.#waiting.delete(entry);
      for (const each of overtaken) each.overtaken++;
      entry.begin();
    }
  }
}
