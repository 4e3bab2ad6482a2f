/**
 * A clock that stands still until a test advances it.
 *
 *     advance, drive   await:  timer ▶ turn of the event loop ▶ timer ▶ turn …   promises run between the timers
 *     runFor           sync:   timer ▶ deferred tasks ▶ timer …                  for what needs no promises
 *
 * Between two timers nothing happens, so an hour of a cluster costs what its timers and messages cost. The same seed and
 * the same program give the same order of events.
 */

import type { Runtime } from '../../runtime.js';
import { DeferredTasks } from './deferred-tasks.js';
import { nextTurn, realDelay } from './event-loop.js';
import { SeededRandom } from '../seeded-random.js';
import { MachineClock } from './machine-clock.js';
import { RealTimeGate } from './real-time-gate.js';
import { holdHint, StuckError } from './stuck-error.js';
import { TimerHeap, type Timer } from './timer-heap.js';

/** A longer delay makes the timers of the platform fire at once; here it is refused, so that the fault is seen. */
const maxTimerMs = 0x7fff_ffff;
/** Tasks at one point in time before it counts as endless. */
const maxTasksAtOnce = 1_000_000;
/** Number of checks for real events while no timer is set. */
const realLooks = 500;
/** Real ms between two checks. */
const realLookMs = 2;

/** Options of a {@link VirtualClock}. */
export interface VirtualClockOptions {
  /** Of everything random. Default 1. */
  readonly seed?: number;
  /** What the wall clock shows first, in ms since the Unix epoch. Default 2027-01-01. */
  readonly start?: number;
}

/** A clock that stands still until a test advances it. */
export class VirtualClock implements Runtime {
  /** What the wall clock showed first, in ms since the Unix epoch. */
  readonly start: number;
  /** Randomness from the seed. Take a fork for a purpose of your own. */
  readonly seeded: SeededRandom;
  /** @internal Keeps time from passing during real work. */
  readonly gate = new RealTimeGate();
  /** @internal Of simulations. */
  sometimes?: (mark: string) => void;
  /** @internal Of simulations. */
  buggify?: (point: string) => boolean;

  readonly #timers = new TimerHeap();
  #elapsed = 0;
  #order = 0;
  readonly #deferred = new DeferredTasks((error) => {
    this.fail(error);
  });
  #quiet: (() => void)[] = [];
  #waiters: { readonly until: number; readonly resolve: () => void }[] = [];
  #failures: unknown[] = [];
  #synchronous = false;
  #driving = false;
  #tasksAtOnce = 0;
  #stopped = false;

  constructor({ seed = 1, start = Date.UTC(2027, 0, 1) }: VirtualClockOptions = {}) {
    this.start = start;
    this.seeded = new SeededRandom(seed);
  }

  /** Milliseconds since the start: the frame of a marble diagram that begins there. */
  get elapsed(): number {
    return this.#elapsed;
  }

  /** The monotonic clock: milliseconds since the start. */
  now(): number {
    return this.#elapsed;
  }

  /** The wall clock: milliseconds since the Unix epoch. */
  wallNow(): number {
    return this.start + this.#elapsed;
  }

  /** A number in [0, 1), from the seed. */
  random(): number {
    return this.seeded.next();
  }

  /** Runs `task` after the code that runs now: in a microtask, as the platform does, or within {@link runFor}. */
  defer(task: () => void): void {
    this.#deferred.add(task, !this.#synchronous);
  }

  /** Runs `task` after `ms`; the result cancels it. `label` names it in the list of what is still open. */
  schedule(task: () => void, ms: number, label?: string): () => void {
    if (!(ms >= 0 && ms <= maxTimerMs)) throw new RangeError(`A delay of ${ms} ms is not what a timer takes.`);
    // A timer that a finished test still sets must not run in the next one.
    if (this.#stopped) return () => undefined;
    const timer: Timer = { at: this.#elapsed + ms, order: this.#order++, task, label };
    this.#timers.push(timer);
    return () => {
      timer.task = undefined;
    };
  }

  /** The clocks of a machine whose wall clock is wrong by so many ms; timers run at the same time. */
  skewed(ms: number): MachineClock {
    return new MachineClock(this, ms);
  }

  /** Randomness of its own, from the seed and the label: for a process, on a machine that is `machine` or has right clocks. */
  fork(label: string, machine = this.skewed(0)): Runtime {
    const random = this.seeded.fork(label);
    return machine.withRandom(() => random.next());
  }

  /** Timers that are set and not cancelled. */
  get pendingTimers(): number {
    return this.#timers.count;
  }

  /** @internal The timers that are set, the earliest first. */
  get timers(): readonly Pick<Timer, 'at' | 'label'>[] {
    return this.#timers.sorted;
  }

  /** Runs `task` once, when everything has happened that needs no time. */
  whenQuiet(task: () => void): void {
    this.#quiet.push(task);
  }

  /**
   * Keeps time from passing until `work` has settled: for what really takes time, such as a file, a crypto key, a socket.
   * Work that waits for virtual time would wait for ever.
   */
  hold<T>(work: PromiseLike<T>): Promise<T> {
    return this.gate.hold(work);
  }

  /** Ends the drive that runs with `reason`, also one that waits for held work. */
  interrupt(reason: unknown): void {
    this.fail(reason);
    this.gate.open();
  }

  /** Ends this time for good: no timer runs any more, none is accepted, and a pending `advance` never returns. */
  stop(): void {
    this.#stopped = true;
    this.#timers.clear();
    this.#waiters = [];
    this.#deferred.clear();
    this.#quiet = [];
    this.gate.open();
  }

  /** Reports what a task threw outside of a drive; the drive throws it. */
  fail(error: unknown): void {
    this.#failures.push(error);
  }

  /** Lets `ms` pass, with everything that happens then, promises too. Also within a drive: then it waits for its time. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`Time goes forward: it cannot advance by ${ms} ms.`);
    this.#checkRunning();
    const arrived = { yes: false };
    const waiting = new Promise<void>((resolve) => {
      this.#waiters.push({
        until: this.#elapsed + ms,
        resolve: () => {
          arrived.yes = true;
          resolve();
        },
      });
      this.#waiters.sort((a, b) => a.until - b.until);
    });
    if (!this.#driving) await this.drive(() => arrived.yes);
    await waiting;
  }

  /** Runs all that is due now, without letting time pass. */
  settle(): Promise<void> {
    return this.advance(0);
  }

  /**
   * Goes from timer to timer until `done` says so, and lets promises run between.
   *
   * @param maxTime - Virtual ms after which it gives up. @throws what a task threw, or Error when it gives up.
   */
  async drive(done: () => boolean, maxTime = Infinity): Promise<void> {
    this.#checkRunning();
    if (this.#driving) throw new Error('This clock is driven already.');
    this.#driving = true;
    const last = this.#elapsed + maxTime;
    try {
      for (;;) {
        await this.#turn();
        if (this.#runQuiet()) continue;
        if (done()) return;
        const { first } = this.#timers;
        const [waiter] = this.#waiters;
        const next = Math.min(waiter?.until ?? Infinity, first?.at ?? Infinity);
        // Virtual time does not pass while the platform works for the test.
        if (next > this.#elapsed && (await this.gate.passRequests(this.#hasFailed))) continue;
        if (waiter !== undefined && waiter.until < (first?.at ?? Infinity)) {
          this.#waiters.shift();
          this.#moveTo(waiter.until);
          waiter.resolve();
        } else if (first === undefined) {
          await this.#waitForReality(done);
        } else if (first.at > last && waiter === undefined) {
          throw new StuckError(
            `Still not done after ${maxTime} ms of virtual time. A test that takes longer sets maxTime.${holdHint()}`,
          );
        } else {
          this.#runFirst();
        }
      }
    } finally {
      this.#driving = false;
    }
  }

  /** Lets `ms` pass without a turn of the event loop: fast, and nothing that waits for a promise goes on. */
  runFor(ms: number): void {
    const end = this.#elapsed + ms;
    const outer = this.#synchronous;
    this.#synchronous = true;
    try {
      this.#deferred.runAll();
      for (let { first } = this.#timers; first !== undefined && first.at <= end; { first } = this.#timers) {
        this.#runFirst();
        this.#deferred.runAll();
      }
      this.#moveTo(end);
    } finally {
      this.#synchronous = outer;
    }
    this.#throwFailure();
  }

  async #turn(): Promise<void> {
    await nextTurn();
    await this.gate.passHolds();
    this.#throwFailure();
  }

  readonly #hasFailed = (): boolean => this.#failures.length > 0;

  #checkRunning(): void {
    if (this.#stopped) throw new Error('This test is over: its time stands still. Is everything in it awaited?');
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures.shift();
  }

  #runQuiet(): boolean {
    const tasks = this.#quiet;
    this.#quiet = [];
    for (const task of tasks) task();
    return tasks.length > 0;
  }

  #runFirst(): void {
    const timer = this.#timers.shift()!;
    this.#moveTo(timer.at);
    if (++this.#tasksAtOnce > maxTasksAtOnce) {
      throw new StuckError(`Time stands still at ${this.#elapsed} ms: tasks set timers of 0 ms for ever.`);
    }
    timer.task!();
  }

  #moveTo(time: number): void {
    if (time <= this.#elapsed) return;
    this.#elapsed = time;
    this.#tasksAtOnce = 0;
  }

  async #waitForReality(done: () => boolean): Promise<void> {
    for (let look = 0; look < realLooks; look++) {
      await realDelay(realLookMs);
      if (
        this.#failures.length > 0 ||
        done() ||
        this.#timers.first !== undefined ||
        this.#waiters.length > 0 ||
        this.#quiet.length > 0
      )
        return;
    }
    throw new StuckError(
      `Nothing happens any more at ${this.#elapsed} ms: no timer is set, and what is waited for does not come. ` +
        `Does something wait for a call that nobody answers?${holdHint()}`,
    );
  }
}
