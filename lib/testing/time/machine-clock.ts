/**
 * The two clocks of one machine, among several machines on the same virtual time.
 *
 *     awake ──sleep──▶ asleep ──wake──▶ awake
 *     running ──pause──▶ paused ──resume──▶ running
 *
 * While the machine is asleep its monotonic clock and its timers stand still; its wall clock goes on, as the battery
 * keeps it going. While its process is paused (SIGSTOP, a long collection of garbage) both clocks go on, and no task
 * runs: timers that are due meanwhile fire when it resumes. At any time the wall clock may be set: it jumps, and
 * nothing else does. Both clocks may drift: they run faster or slower than the true time, and so do the timers.
 */

import type { Runtime } from '../../runtime.js';

interface MachineTimer {
  readonly due: number;
  readonly task: () => void;
  /** Cancels the timer of the true clock. Undefined while the machine is asleep or paused. */
  cancel: (() => void) | undefined;
}

/** The wall clock and the monotonic clock of one simulated machine, which may sleep, pause, jump or drift. */
export class MachineClock implements Runtime {
  readonly #clock: Runtime;
  readonly #timers = new Set<MachineTimer>();
  #wallOffset: number;
  // What the monotonic clock showed at the true time `#since`, and how fast it has run from then on.
  #reading: number;
  #since: number;
  #rate = 1;
  // The wall clock has run at the rate since this true time.
  #wallSince: number;
  #sleeps = 0;
  #pauses = 0;
  #held: (() => void)[] = [];

  /** `clock`: the true time; `wallOffset`: how far the wall clock of the machine is ahead of it, in ms. */
  constructor(clock: Runtime, wallOffset = 0) {
    this.#clock = clock;
    this.#wallOffset = wallOffset;
    this.#reading = this.#since = this.#wallSince = clock.now();
  }

  now(): number {
    return this.#sleeps > 0 ? this.#reading : this.#reading + (this.#clock.now() - this.#since) * this.#rate;
  }

  wallNow(): number {
    const drifted = (this.#clock.now() - this.#wallSince) * (this.#rate - 1);
    return this.#clock.wallNow() + this.#wallOffset + drifted;
  }

  random(): number {
    return this.#clock.random();
  }

  /** @internal Of simulations. */
  readonly sometimes = (mark: string): void => this.#clock.sometimes?.(mark);
  /** @internal Of simulations. */
  readonly buggify = (point: string): boolean => this.#clock.buggify?.(point) ?? false;

  defer(task: () => void): void {
    if (this.#pauses > 0) this.#held.push(task);
    else this.#clock.defer(task);
  }

  schedule(task: () => void, ms: number): () => void {
    const timer: MachineTimer = { due: this.now() + ms, task, cancel: undefined };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      this.#timers.delete(timer);
      timer.cancel?.();
    };
  }

  /** Sets the wall clock: it jumps by `ms`, which may be negative. */
  setWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Makes both clocks run faster or slower: 1.01 gains 10 ms in each second of true time. What they show now stays. */
  setRate(rate: number): void {
    const now = this.#clock.now();
    this.#reading = this.now();
    this.#since = now;
    this.#wallOffset += (now - this.#wallSince) * (this.#rate - 1);
    this.#wallSince = now;
    this.#rate = rate;
    this.#rearm();
  }

  /** Puts the machine to sleep. The result wakes it; of several sleeps at once, the last one that ends does. */
  sleep(): () => void {
    if (this.#sleeps === 0) this.#reading = this.now();
    this.#sleeps++;
    this.#rearm();
    return once(() => {
      if (--this.#sleeps > 0) return;
      this.#since = this.#clock.now();
      this.#rearm();
    });
  }

  /**
   * Pauses the process on the machine. The result resumes it; of several pauses at once, the last one that ends does.
   */
  pause(): () => void {
    this.#pauses++;
    this.#rearm();
    return once(() => {
      if (--this.#pauses > 0) return;
      const held = this.#held;
      this.#held = [];
      for (const task of held) this.#clock.defer(task);
      this.#rearm();
    });
  }

  /** Runs `task` as code of the process: now, or when the process resumes. */
  run(task: () => void): void {
    if (this.#pauses > 0) this.#held.push(task);
    else task();
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
      sometimes: this.sometimes,
      buggify: this.buggify,
    };
  }

  // In the order in which they were set, so that timers of one time fire in it.
  #rearm(): void {
    for (const timer of this.#timers) {
      timer.cancel?.();
      timer.cancel = undefined;
    }
    for (const timer of this.#timers) this.#arm(timer);
  }

  #arm(timer: MachineTimer): void {
    if (this.#sleeps > 0 || this.#pauses > 0) return;
    const left = Math.max(0, timer.due - this.now());
    timer.cancel = this.#clock.schedule(
      () => {
        this.#timers.delete(timer);
        timer.task();
      },
      // Whole ms of true time while the clock drifts: a fraction would be lost in sums, and a timer fire too early.
      Number.isInteger(left) && this.#rate === 1 ? left : Math.ceil(left / this.#rate),
    );
  }
}

function once(task: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    task();
  };
}
