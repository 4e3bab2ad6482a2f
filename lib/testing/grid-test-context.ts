import type { Observable } from 'rxjs';
import { aFunction, anyMs, checkOptions, oneOf, timerMs, whole, withMethods, type Rule } from '../check.js';
import type {
  FramesExpectation,
  FramesOptions,
  ObservableExpectation,
  SubscriptionsExpectation,
} from './marbles/expectations.js';
import type { MarbleObservable } from './marbles/marble-sources.js';
import type { MarbleValues, SubscriptionTimes } from './marbles/marbles.js';
import type { Cable } from './network/cable.js';
import type { Cluster, ClusterOptions } from './network/cluster.js';
import type { Faults } from './network/faults.js';
import type { GridLink, LinkOptions } from './network/link.js';
import type { SeededRandom } from './seeded-random.js';
import type { VirtualClock } from './time/virtual-clock.js';

/** Options of {@link gridTest}. */
export interface GridTestOptions {
  /** Of everything random: jitter, faults, ids, `Math.random`. Default 1. */
  readonly seed?: number;
  /** What the wall clock shows first, in ms since the Unix epoch. Default 2027-01-01. */
  readonly start?: number;
  /** False: setTimeout, Date, Math.random and so rxjs' time operators stay real. Default true. */
  readonly virtualGlobals?: boolean;
  /** Virtual ms after which the test counts as one that waits for ever. Default an hour. */
  readonly maxTime?: number;
  /** Virtual ms after the end of the last diagram in which nothing more may happen. Default 50. */
  readonly linger?: number;
  /** Real ms that the test may run; then it fails, and the timers of the platform are restored. Default 30 000. */
  readonly timeout?: number;
  /** Fails the test, and restores the timers, when it aborts: the `signal` that vitest and node:test give a test. */
  readonly signal?: AbortSignal;
  /**
   * Real ms that the test waits for another one that runs at the same time; then it fails and names that one. Default
   * 4 000.
   */
  readonly wait?: number;
}

/** The body of a {@link gridTest}. */
export type GridTestBody = (context: GridTestContext) => void | Promise<void>;

/**
 * The tools that the body of a test gets. Each diagram begins at the time at which it is passed, and one character is 1
 * ms.
 */
export interface GridTestContext {
  readonly clock: VirtualClock;
  readonly faults: Faults;
  /** Randomness from the seed, for the test's own choices. */
  readonly random: SeededRandom;
  /** Two ends that are linked at once, without a handshake. */
  readonly link: (options?: Omit<LinkOptions, 'runtime'>) => GridLink;
  /** Managers as a mesh; `await grid.connected()` starts them. */
  readonly cluster: (hosts?: ClusterOptions['hosts'] | Omit<ClusterOptions, 'clock'>) => Cluster;
  /** A hot Observable, which emits from now on with or without subscribers. */
  readonly hot: <T = string>(marbles: string, values?: MarbleValues<T>, error?: unknown) => MarbleObservable<T>;
  /** An Observable that begins with each subscription. */
  readonly cold: <T = string>(marbles: string, values?: MarbleValues<T>, error?: unknown) => MarbleObservable<T>;
  /** Ms up to `|`, or of a duration such as `5s`. */
  readonly time: (marbles: string) => number;
  /** What a source emits; `subscription` says from when to when it is subscribed, such as `^--!`. */
  readonly expectObservable: <T>(source: Observable<T>, subscription?: string) => ObservableExpectation<T>;
  /** When a hot or cold Observable was subscribed. */
  readonly expectSubscriptions: (actual: readonly SubscriptionTimes[]) => SubscriptionsExpectation;
  /** What goes over a link or a cable from now on. */
  readonly expectFrames: (wire: GridLink | Cable, options?: FramesOptions) => FramesExpectation;
  /** Lets time pass: ms, or a duration such as `5s` or `1h`. */
  readonly advance: (time: number | string) => Promise<void>;
  /** Lets time pass until `condition` holds. Rejects where it does not within `limit`, by default `1m`. */
  readonly until: (condition: () => boolean, limit?: number | string) => Promise<void>;
  /** Runs all that is due now, without letting time pass. */
  readonly settle: () => Promise<void>;
  /** Lets time pass to the end of all diagrams, and checks what was expected so far. Called at the end of the test. */
  readonly flush: () => Promise<void>;
  /**
   * Time stands still until `work` has settled: for what really takes time, such as a crypto key, a socket or a child
   * process. For files it stands still by itself.
   */
  readonly hold: <T>(work: PromiseLike<T>) => Promise<T>;
  /** What went over all wires so far, for people. */
  readonly transcript: () => string;
}

const rules: Readonly<Record<keyof GridTestOptions, Rule>> = {
  seed: whole(0),
  start: { expected: 'ms since the Unix epoch', accepts: Number.isFinite },
  virtualGlobals: oneOf(true, false),
  maxTime: anyMs,
  linger: timerMs,
  timeout: anyMs,
  signal: withMethods('an AbortSignal', 'addEventListener'),
  wait: anyMs,
};

/** @throws ConfigurationError */
export function checkGridTest(body: unknown, options: GridTestOptions): void {
  checkOptions({ body }, { body: aFunction('takes the context of the test') }, { of: 'gridTest', required: ['body'] });
  checkOptions(options, rules, { of: 'gridTest' });
}
