/**
 * Gives the timers of the platform to one test at a time: the others wait for their turn.
 *
 *     waiting ──the one before has ended──▶ running ──▶ ended
 *        └── has waited too long: rejects      └── its limit, its signal, or the end of the framework's test: interrupted
 */

import { ConfigurationError } from '../errors.js';
import { realInterval, realNow, realTimeout } from './time/event-loop.js';
import { frameworkTest, type FrameworkTest } from './framework-test.js';
import { foreignTimers } from './time/foreign-timers.js';

/** A test waits so long for one and the same other test, in real ms: less than the 5 s that frameworks give a test. */
const defaultWait = 4_000;
/** How often a running test checks whether the framework has ended it, in real ms. */
const watchInterval = 20;

/** Options of {@link exclusively}. */
export interface TurnOptions {
  /** What runs, for messages: `gridTest` or `simulate`. */
  readonly what: string;
  /** Real ms that it may run. Default: no limit. */
  readonly limit?: number | undefined;
  /** Ends the run when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Real ms that it waits for one and the same other run. */
  readonly wait?: number | undefined;
}

/** A run, while it has the timers of the platform to itself. */
export class Turn {
  /** What the run does when it must end at once. The run sets it. */
  onInterrupt: (reason: Error) => void = () => undefined;
  /** How messages name it. */
  readonly name: string;
  readonly since = realNow();
  readonly #test: FrameworkTest | undefined;
  readonly #options: TurnOptions;
  #reason: Error | undefined = undefined;

  constructor(options: TurnOptions, test: FrameworkTest | undefined) {
    this.#options = options;
    this.#test = test;
    this.name = test === undefined ? `another ${options.what}` : `the ${options.what} of "${test.name}"`;
  }

  /** True once the framework has given up the test that it belongs to. */
  get abandoned(): boolean {
    return this.#test?.over() === true;
  }

  /** @throws Error once the run was interrupted. */
  check(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Ends the run where the test that it belongs to has ended. */
  interruptWhenOver(): void {
    if (this.#test?.over() !== true) return;
    this.interrupt(
      new Error(
        `The test "${this.#test.name}" has ended, by its timeout or without waiting for its ${this.#options.what}. ` +
          `Return or await the ${this.#options.what}, and look at what it waits for.`,
      ),
    );
  }

  interrupt(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.onInterrupt(reason);
  }

  /** Watches for what ends the run early. The result stops that. */
  watch(): () => void {
    const { limit = Infinity, signal, what } = this.#options;
    const aborted = (): void => {
      const reason: unknown = signal?.reason;
      this.interrupt(reason instanceof Error ? reason : new Error(`The ${what} was aborted.`));
    };
    if (signal?.aborted === true) aborted();
    signal?.addEventListener('abort', aborted);
    const stops = [realInterval(() => this.interruptWhenOver(), watchInterval)];
    if (limit !== Infinity) {
      stops.push(
        realTimeout(() => {
          this.interrupt(
            new Error(
              `The ${what} has run for ${limit} ms of real time. Give it less to do, or raise its option timeout.`,
            ),
          );
        }, limit),
      );
    }
    return () => {
      signal?.removeEventListener('abort', aborted);
      for (const stop of stops) stop();
    };
  }
}

let running: Turn | undefined;
let last: Promise<void> = Promise.resolve();

/**
 * Runs `task` when the runs that were asked for before have ended. One within another one would wait for ever, so it is
 * refused after a while.
 *
 * @throws ConfigurationError where the fake timers of a framework are in use; Error after `wait` ms behind the same
 * run; what `task` throws.
 */
export async function exclusively<T>(options: TurnOptions, task: (turn: Turn) => Promise<T>): Promise<T> {
  const { promise: ended, resolve: end } = promiseWithResolver();
  const before = last;
  last = before.then(() => ended);
  try {
    const test = frameworkTest();
    await waitForTurn(before, options);
    const fake = foreignTimers();
    if (fake !== undefined) {
      throw new ConfigurationError(
        `${fake} are in use, and ${options.what} brings timers of its own. Remove them, or turn them off before it.`,
      );
    }
    const turn = new Turn(options, test);
    running = turn;
    const stop = turn.watch();
    try {
      turn.check();
      return await task(turn);
    } finally {
      stop();
      running = undefined;
    }
  } finally {
    end();
  }
}

async function waitForTurn(before: Promise<void>, { what, wait = defaultWait }: TurnOptions): Promise<void> {
  // One that the framework has given up has no claim to the timers any more.
  running?.interruptWhenOver();
  const began = realNow();
  const { promise, resolve: proceed } = promiseWithResolver();
  let late: Turn | undefined;
  const stop = realInterval(() => {
    running?.interruptWhenOver();
    if (running === undefined || realNow() - Math.max(began, running.since) < wait) return;
    late = running;
    proceed();
  }, watchInterval);
  await Promise.race([before, promise]);
  stop();
  if (late === undefined) return;
  throw new Error(
    `This ${what} has waited ${wait} ms for ${late.name}, which still runs: only one at a time can have the timers. ` +
      'Is it within that one, or was that one not awaited? Where both are right, run them one after the other.',
  );
}

function promiseWithResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((resolver) => {
    resolve = resolver;
  });
  return { promise, resolve };
}
