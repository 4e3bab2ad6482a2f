/**
 * Keeps virtual time from passing during work that takes real time: work that was passed to `hold`, and work that the
 * platform reports as pending.
 */

import { nextTurn, realDelay, withPatience } from './event-loop.js';
import { realWork, type RealWork } from './real-work.js';
import { StuckError } from './stuck-error.js';

/** Such work may take so long, in real ms. */
const patience = 10_000;
/** Real ms between two checks of what is pending. */
const checkEvery = 2;
/**
 * Requests that were pending before a test begins may take so long, in real ms. Most are of the runner, and end at
 * once.
 */
const foreignPatience = 500;

/** Keeps virtual time from passing during work that takes real time. */
export class RealTimeGate {
  readonly #holds = new Set<Promise<unknown>>();
  // Work that was pending or open before the test, and still is: it does not belong to it.
  #foreign: RealWork = realWork();
  readonly #passed = new Set<string>();
  #wake: () => void = () => undefined;

  /** Keeps time from passing until `work` has settled. */
  hold<T>(work: PromiseLike<T>): Promise<T> {
    const held = Promise.resolve(work);
    this.#holds.add(held);
    const release = (): void => {
      this.#holds.delete(held);
    };
    held.then(release, release);
    return held;
  }

  /** Opens the gate: what was held is no longer waited for. */
  open(): void {
    this.#holds.clear();
    this.#wake();
  }

  /** Waits for what is held. @throws StuckError where it takes too long. */
  async passHolds(): Promise<void> {
    while (this.#holds.size > 0) {
      const opened = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await withPatience(Promise.race([Promise.allSettled(this.#holds), opened]), patience, () => {
        // Work that is no longer held must not delay later tests.
        this.#holds.clear();
        return new StuckError(`Time was held for ${patience} real ms. Does what holds it wait for virtual time?`);
      });
      await nextTurn();
    }
  }

  /** Sockets and child processes that were opened meanwhile, and during which time passed all the same. */
  get passed(): readonly string[] {
    return [...this.#passed];
  }

  /**
   * Waits until the requests that were pending before have ended. Without that, the last requests of the test would be
   * taken for them: only their number is known.
   */
  async passForeign(): Promise<void> {
    for (let waited = 0; realWork().requests > 0 && waited < foreignPatience; waited += checkEvery) {
      await realDelay(checkEvery);
    }
    this.#foreign = realWork();
  }

  /** Waits for requests of the platform, unless `given up`. True: there were some, and they are done. */
  async passRequests(givenUp: () => boolean): Promise<boolean> {
    if (!this.#pending()) return false;
    for (let waited = 0; this.#pending() && !givenUp(); waited += checkEvery) {
      // A request that never ends, such as a read of a terminal, must not stop time for ever.
      if (waited > patience) this.#foreign = realWork();
      await realDelay(checkEvery);
    }
    return true;
  }

  #pending(): boolean {
    const work = realWork();
    const foreign = this.#foreign;
    const requests = Math.min(foreign.requests, work.requests);
    const timers = Math.min(foreign.timers, work.timers);
    const open = work.open.length < foreign.open.length ? work.open : foreign.open;
    this.#foreign = { requests, timers, open };
    if (work.open.length > open.length) for (const name of work.open) this.#passed.add(name);
    return work.requests > requests || work.timers > timers;
  }
}
