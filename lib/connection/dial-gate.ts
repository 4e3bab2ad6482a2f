import type { Runtime } from '../runtime.js';
import { stallTolerantTimer } from './stall-tolerant-timer.js';

/** So many dials may begin before one that waits longer, because its own bound is lower. */
const mostOvertaken = 64;

interface Waiting {
  readonly most: number;
  overtaken: number;
  readonly begin: () => void;
}

/**
 * Lets the dials of a process begin, so many at once, in the order in which they asked; one that may not begin yet, because
 * its own number is lower than that of others, is passed over. A dial costs a process some
 * milliseconds of CPU: where hundreds begin together, none is done in its time, and all that was done for them is lost.
 *
 *     waiting ──room──▶ under way ──left, or long silent──▶ done
 */
export class DialGate {
  static readonly #gates = new WeakMap<Runtime, DialGate>();

  readonly #runtime: Runtime;
  readonly #waiting = new Set<Waiting>();
  #underWay = 0;

  /** The gate of all who share a runtime: in a process these are all its hosts. */
  static of(runtime: Runtime): DialGate {
    let gate = this.#gates.get(runtime);
    if (gate === undefined) this.#gates.set(runtime, (gate = new DialGate(runtime)));
    return gate;
  }

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Calls `begin` when fewer than `most` dials are under way: now, or when others have left. The dial counts
   * until the result is called, which also takes back one that waits, and for `silence` ms at the most: one that is
   * not done by then waits for the network and costs nothing, and hosts that are down must not hold up the others.
   */
  enter(most: number, silence: number, begin: () => void): () => void {
    let cancelTimer: (() => void) | undefined;
    const entry: Waiting = {
      most,
      overtaken: 0,
      begin: () => {
        this.#underWay++;
        cancelTimer = stallTolerantTimer(this.#runtime, leave, silence);
        begin();
      },
    };
    const leave = (): void => {
      this.#waiting.delete(entry);
      if (cancelTimer === undefined) return;
      cancelTimer();
      cancelTimer = undefined;
      this.#underWay--;
      this.#next();
    };
    this.#waiting.add(entry);
    this.#next();
    return leave;
  }

  #next(): void {
    const passed: Waiting[] = [];
    for (const entry of this.#waiting) {
      if (this.#underWay >= entry.most) {
        // It has been passed over often enough: the others now wait until there is room for it, or it would starve.
        if (entry.overtaken >= mostOvertaken) return;
        passed.push(entry);
        continue;
      }
      this.#waiting.delete(entry);
      for (const each of passed) each.overtaken++;
      entry.begin();
    }
  }
}
