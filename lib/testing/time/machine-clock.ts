/**
 * The two clocks of one machine, among several machines on the same virtual time.
 *
 *     awake ──sleep──▶ asleep ──wake──▶ awake
 *
 * While the machine is asleep its monotonic clock and its timers stand still; its wall clock goes on, as the battery
 * keeps it going. At any time the wall clock may be set: it jumps, and nothing else does.
 */

import type { Runtime } from '../../runtime.js';

interface MachineTimer {
  readonly due: number;
  readonly task: () => void;
  /** Takes the timer of the true clock down. Undefined while the machine is asleep. */
  cancel: (() => void) | undefined;
}

/** See the head of this file. */
export class MachineClock implements Runtime {
  readonly #clock: Runtime;
  readonly #timers = new Set<MachineTimer>();
  #wallOffset: number;
  // How long it has slept so far, without the present sleep.
  #slept = 0;
  #fellAsleep = 0;
  #sleeps = 0;

  /** `clock`: the true time; `wallOffset`: how far the wall clock of the machine is ahead of it, in ms. */
  constructor(clock: Runtime, wallOffset = 0) {
    this.#clock = clock;
    this.#wallOffset = wallOffset;
  }

  now(): number {
    return (this.#sleeps > 0 ? this.#fellAsleep : this.#clock.now()) - this.#slept;
  }

  wallNow(): number {
    return this.#clock.wallNow() + this.#wallOffset;
  }

  random(): number {
    return this.#clock.random();
  }

  defer(task: () => void): void {
    this.#clock.defer(task);
  }

  schedule(task: () => void, ms: number): () => void {
    const timer: MachineTimer = { due: this.now() + ms, task, cancel: undefined };
    this.#timers.add(timer);
    if (this.#sleeps === 0) this.#arm(timer, ms);
    return () => {
      this.#timers.delete(timer);
      timer.cancel?.();
    };
  }

  /** Sets the wall clock: it jumps by `ms`, which may be negative. */
  setWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Puts the machine to sleep. The result wakes it; of several sleeps at once, the last one that ends does. */
  sleep(): () => void {
    if (this.#sleeps++ === 0) {
      this.#fellAsleep = this.#clock.now();
      for (const timer of this.#timers) {
        timer.cancel?.();
        timer.cancel = undefined;
      }
    }
    let over = false;
    return () => {
      if (over) return;
      over = true;
      if (--this.#sleeps === 0) this.#wake();
    };
  }

  /** The same clocks with other randomness: for one process on this machine. */
  withRandom(random: () => number): Runtime {
    return {
      now: () => this.now(),
      wallNow: () => this.wallNow(),
      random,
      defer: (task) => {
        this.defer(task);
      },
      schedule: (task, ms) => this.schedule(task, ms),
    };
  }

  #wake(): void {
    this.#slept += this.#clock.now() - this.#fellAsleep;
    const now = this.now();
    // In the order in which they were set, so that timers of one time fire in it.
    for (const timer of this.#timers) this.#arm(timer, timer.due - now);
  }

  #arm(timer: MachineTimer, ms: number): void {
    timer.cancel = this.#clock.schedule(() => {
      this.#timers.delete(timer);
      timer.task();
    }, ms);
  }
}
