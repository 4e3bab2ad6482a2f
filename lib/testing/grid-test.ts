/**
 * Runs a test on virtual time: links and clusters in memory, marbles for Observables and for frames, faults.
 *
 *     the test runs until it awaits ──▶ time goes on, timer by timer, promises between ──▶ the test goes on …
 *     the test has returned ──▶ time goes on to the end of all diagrams ──▶ expectations are checked
 */

import type { Observable } from 'rxjs';
import { createChecksum } from '../wire/checksum.js';
import { exclusively } from './exclusive.js';
import { GridAssertionError } from './marbles/assertion.js';
import type { Cable } from './network/cable.js';
import { Cluster, type ClusterOptions } from './network/cluster.js';
import {
  Expectations,
  type FramesExpectation,
  type FramesOptions,
  type ObservableExpectation,
  type SubscriptionsExpectation,
} from './marbles/expectations.js';
import { Faults } from './network/faults.js';
import { GridLink, type LinkOptions } from './network/link.js';
import { coldMarbles, hotMarbles, type MarbleObservable } from './marbles/marble-sources.js';
import { timeOf, type MarbleValues, type SubscriptionTimes } from './marbles/marbles.js';
import { RouteBook } from './frames/route-book.js';
import type { SeededRandom } from './seeded-random.js';
import { transcript } from './frames/transcript.js';
import { VirtualClock } from './time/virtual-clock.js';
import { installVirtualTime } from './time/virtual-globals.js';

/** Options of {@link gridTest}. */
export interface GridTestOptions {
  /** Of everything random: jitter, faults, ids. Default 1. */
  readonly seed?: number;
  /** What the wall clock shows first, in ms since the Unix epoch. Default 2027-01-01. */
  readonly start?: number;
  /** False: setTimeout, Date and so rxjs' time operators stay real. Default true. */
  readonly virtualGlobals?: boolean;
  /** Virtual ms that the test may take before it counts as waiting for ever. Default an hour. */
  readonly maxTime?: number;
  /** Virtual ms after the end of the last diagram in which nothing more may happen. Default 50. */
  readonly linger?: number;
}

/** What a test gets. All diagrams begin at the time at which they are handed over, and one character is 1 ms. */
export interface GridTestContext {
  readonly clock: VirtualClock;
  readonly faults: Faults;
  /** Randomness from the seed, for the test's own choices. */
  readonly random: SeededRandom;
  /** Two ends that are linked at once, without a handshake. */
  readonly link: (options?: Omit<LinkOptions, 'runtime'>) => GridLink;
  /** Managers as a mesh; `await grid.connected()` starts them. */
  readonly cluster: (hosts?: ClusterOptions['hosts'] | Omit<ClusterOptions, 'clock'>) => Cluster;
  readonly hot: <T = string>(marbles: string, values?: MarbleValues<T>, error?: unknown) => MarbleObservable<T>;
  readonly cold: <T = string>(marbles: string, values?: MarbleValues<T>, error?: unknown) => MarbleObservable<T>;
  /** Ms up to `|`, or of a duration such as `5s`. */
  readonly time: (marbles: string) => number;
  readonly expectObservable: <T>(source: Observable<T>, subscription?: string) => ObservableExpectation<T>;
  readonly expectSubscriptions: (actual: readonly SubscriptionTimes[]) => SubscriptionsExpectation;
  /** What goes over a link or a cable from now on. */
  readonly expectFrames: (wire: GridLink | Cable, options?: FramesOptions) => FramesExpectation;
  /** Lets time pass: ms, or a duration such as `5s`. */
  readonly advance: (time: number | string) => Promise<void>;
  /** Lets everything happen that needs no time. */
  readonly settle: () => Promise<void>;
  /** Lets time pass to the end of all diagrams, and checks what was expected so far. Called at the end of the test. */
  readonly flush: () => Promise<void>;
  /** Time stands still until `work` has settled: for what really takes time, such as a file. */
  readonly hold: <T>(work: PromiseLike<T>) => Promise<T>;
  /** What went over all wires so far, for people. */
  readonly transcript: () => string;
}

const hour = 3_600_000;
const transcriptLines = 30;

/**
 * Runs `body` on virtual time, then lets time pass to the end of all diagrams, and checks them. Handlers may be promises and
 * async generators.
 *
 * ```ts
 * test('a request, and its response', () =>
 *   gridTest(({ link, expectFrames, expectObservable }) => {
 *     const { a, b, cable } = link({ latency: 3 });
 *     b.handle(diskInfo, async ({ disk }) => ({ disk, free: 7 }));
 *     expectFrames(cable).toBe('r--p', { r: request(diskInfo, { disk: 1 }), p: response(diskInfo, { disk: 1, free: 7 }) });
 *     expectObservable(a.request(diskInfo, { disk: 1 })).toBe('------(i|)', { i: { disk: 1, free: 7 } });
 *   }));
 * ```
 *
 * Tests that run at the same time wait for each other; one within another one would wait for ever.
 *
 * @throws GridAssertionError for what was expected and did not happen; what `body`, or any task of the test, throws.
 */
export function gridTest(
  body: (context: GridTestContext) => void | Promise<void>,
  options: GridTestOptions = {},
): Promise<void> {
  return exclusively(() => new GridTest(options).run(body));
}

class GridTest {
  readonly #options: GridTestOptions;
  readonly #clock: VirtualClock;
  readonly #expectations: Expectations;
  readonly #faults: Faults;
  readonly #links: GridLink[] = [];
  readonly #clusters: Cluster[] = [];
  readonly #books = new Map<Cable, RouteBook>();

  constructor(options: GridTestOptions) {
    this.#options = options;
    this.#clock = new VirtualClock(options);
    this.#expectations = new Expectations(this.#clock);
    this.#faults = new Faults(this.#clock);
  }

  async run(body: (context: GridTestContext) => void | Promise<void>): Promise<void> {
    const { virtualGlobals = true, maxTime = hour } = this.#options;
    // Compiled before time is virtual: later it takes no time.
    await createChecksum();
    const restore = virtualGlobals ? installVirtualTime(this.#clock) : (): void => undefined;
    try {
      await this.#drive(body, maxTime);
    } catch (error) {
      throw this.#explain(error);
    } finally {
      await this.#close();
      restore();
    }
  }

  async #drive(body: (context: GridTestContext) => void | Promise<void>, maxTime: number): Promise<void> {
    let ended = false;
    // First, so that time is driven when the body begins.
    const driven = this.#clock.drive(() => ended, maxTime);
    const running = (async () => {
      await body(this.#context());
      await this.#flush();
      this.#checkFaults();
    })().finally(() => {
      ended = true;
    });
    // Heard below; while time is driven, nobody listens.
    running.catch(() => undefined);
    await driven;
    await running;
  }

  async #flush(): Promise<void> {
    const { linger = 50 } = this.#options;
    await this.#clock.advance(this.#expectations.until - this.#clock.elapsed + linger);
    this.#expectations.check();
  }

  // A fault that never strikes tests nothing: the times are wrong, or the messages are not those that were meant.
  #checkFaults(): void {
    const { unstruck } = this.#faults;
    if (unstruck.length === 0) return;
    const lines = unstruck.map(({ text }) => `  ${text}`);
    throw new GridAssertionError(
      `Faults that never struck, so the test says nothing about them:\n${lines.join('\n')}\n` +
        'Check their times, `from` and `where`, and that time passes after them; or give `mayMiss: true`.\n\n' +
        `Transcript:\n${this.#transcript(transcriptLines)}`,
      [],
      lines,
    );
  }

  async #close(): Promise<void> {
    for (const link of this.#links) link.close();
    await Promise.all(this.#clusters.map((cluster) => cluster.close()));
    // What the end of the calls sets off still belongs to this test; what it throws comes too late to matter.
    await this.#clock.settle().catch(() => undefined);
  }

  #context(): GridTestContext {
    const clock = this.#clock;
    const expectations = this.#expectations;
    const { seed } = clock.seeded;
    return {
      clock,
      faults: this.#faults,
      random: clock.seeded.fork('test'),
      link: (options = {}) => {
        const link = new GridLink({ seed, ...options, runtime: clock });
        this.#links.push(link);
        this.#books.set(link.cable, link.book);
        return link;
      },
      cluster: (given = {}) => {
        const options = typeof given === 'number' || 'length' in given ? { hosts: given } : given;
        const cluster = new Cluster({ ...options, clock });
        this.#clusters.push(cluster);
        return cluster;
      },
      hot: (marbles, values, error) => hotMarbles(clock, marbles, values, error),
      cold: (marbles, values, error) => coldMarbles(clock, marbles, values, error),
      time: timeOf,
      expectObservable: (source, subscription) => expectations.observable(source, subscription),
      expectSubscriptions: (actual) => expectations.subscriptions(actual),
      expectFrames: (wire, options) => {
        const cable = 'cable' in wire ? wire.cable : wire;
        return expectations.frames(cable, this.#bookOf(cable), options);
      },
      advance: (time) => clock.advance(timeOf(time)),
      settle: () => clock.settle(),
      flush: () => this.#flush(),
      hold: (work) => clock.hold(work),
      transcript: () => this.#transcript(Infinity),
    };
  }

  #bookOf(cable: Cable): RouteBook {
    const known = this.#books.get(cable) ?? this.#clusters.find(({ cables }) => cables.includes(cable))?.book;
    if (known !== undefined) return known;
    const book = new RouteBook();
    this.#books.set(cable, book);
    return book;
  }

  #transcript(lines: number): string {
    const cables = [...this.#links, ...this.#clusters].flatMap((owner) => owner.cables);
    return cables
      .map((cable) => transcript(cable, this.#bookOf(cable), 0, lines))
      .filter((text) => text !== '')
      .join('\n\n');
  }

  // A diagram that failed has its transcript; what the kit says itself gets one.
  #explain(error: unknown): unknown {
    if (!(error instanceof Error) || error instanceof GridAssertionError) return error;
    if (!/^(Still not done|Nothing happens any more|Time stands still)/.test(error.message)) return error;
    const text = this.#transcript(transcriptLines);
    return new Error(`${error.message}\n\nTranscript:\n${text === '' ? '(no wire)' : text}`, { cause: error });
  }
}
