/**
 * What keeps virtual time from passing: work that really takes time, as far as it was named with `hold`, or the platform
 * says that it is pending.
 */

import { nextTurn, realDelay, withPatience } from './event-loop.js';
import { realWork } from './real-work.js';
import { StuckError } from './stuck-error.js';

/** Such work may take so long, in real ms. */
const patience = 10_000;
/** Real ms between two looks at what is pending. */
const lookEvery = 2;

/** See the head of this file. */
export class RealTimeGate {
  readonly #holds = new Set<Promise<unknown>>();
  // Requests that were pending before, and still are: they are not of the test.
  #foreign = realWork().pending;
  // Sockets and child processes that were open before.
  #foreignOpen = realWork().open.length;
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
        // What is held no longer must not hold up those who come after.
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

  /** Waits for requests of the platform, unless `given up`. True: there were some, and they are done. */
  async passRequests(givenUp: () => boolean): Promise<boolean> {
    if (!this.#pending()) return false;
    for (let waited = 0; this.#pending() && !givenUp(); waited += lookEvery) {
      // One that never ends, such as the read of a terminal, must not stop time for ever.
      if (waited > patience) this.#foreign = realWork().pending;
      await realDelay(lookEvery);
    }
    return true;
  }

  #pending(): boolean {
    const { pending, open } = realWork();
    this.#foreign = Math.min(this.#foreign, pending);
    this.#foreignOpen = Math.min(this.#foreignOpen, open.length);
    if (open.length > this.#foreignOpen) for (const name of open) this.#passed.add(name);
    return pending > this.#foreign;
  }
}
