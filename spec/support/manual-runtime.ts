import type { Runtime } from '../../lib/runtime.js';

/** A longer delay makes the timers of the platform fire after 1 ms. */
const maxTimerMs = 0x7fff_ffff;

/** Deferred tasks that one turn may run before it counts as endless. */
const maxTasks = 1_000_000;

/** Far from the epoch and from 0, so that a clock that was taken for the other one, or for none, is seen. */
const monotonicStart = 5_000_000;

/**
 * A {@link Runtime} that the test drives: time stands still until `advance`, deferred tasks wait until `turn`, and
 * random numbers come from a seed. A run with the same seed is the same run.
 */
export class ManualRuntime implements Runtime {
  /** How far the wall clock is ahead of the monotonic one, in ms. A test may change it: the wall clock then jumps. */
  wallOffset: number;
  #now = monotonicStart;
  #state: number;
  #order = 0;
  #deferred: (() => void)[] = [];
  readonly #timers = new Set<{ readonly at: number; readonly order: number; readonly task: () => void }>();

  constructor(seed = 1, start = 1_800_000_000_000) {
    this.#state = seed >>> 0;
    this.wallOffset = start - monotonicStart;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now + this.wallOffset;
  }

  /** Mulberry32. */
  random(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  defer(task: () => void): void {
    this.#deferred.push(task);
  }

  schedule(task: () => void, ms: number): () => void {
    if (!(ms >= 0 && ms <= maxTimerMs)) throw new RangeError(`A delay of ${ms} ms is not what a timer takes.`);
    const timer = { at: this.#now + ms, order: this.#order++, task };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** The runtime of another process on the same time. */
  forAnotherProcess(): Runtime {
    return {
      now: () => this.now(),
      wallNow: () => this.wallNow(),
      random: () => this.random(),
      defer: (task) => {
        this.defer(task);
      },
      schedule: (task, ms) => this.schedule(task, ms),
    };
  }

  /** Lets time pass while the event loop is blocked: no timer runs. */
  block(ms: number): void {
    this.#now += ms;
  }

  /** Timers that wait. */
  get scheduled(): number {
    return this.#timers.size;
  }

  /** Runs deferred tasks, and those that they defer, until there are none. */
  turn(): void {
    for (let count = 0; this.#deferred.length > 0;) {
      const tasks = this.#deferred;
      this.#deferred = [];
      for (const task of tasks) {
        if (++count > maxTasks) throw new Error('The turn does not end: tasks defer tasks for ever.');
        task();
      }
    }
  }

  /** Lets time pass: timers run in the order of their times, each in a turn of its own. */
  advance(ms: number): void {
    const end = this.#now + ms;
    this.turn();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.task();
      this.turn();
    }
    // A timer may have blocked the event loop until later.
    this.#now = Math.max(this.#now, end);
  }

  #next(end: number): { readonly at: number; readonly order: number; readonly task: () => void } | undefined {
    let first;
    for (const timer of this.#timers) {
      if (timer.at > end) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}
