import { createChecksum } from '../wire/checksum.js';
import type { Turn } from './exclusive.js';
import { RouteBook } from './frames/route-book.js';
import { transcript } from './frames/transcript.js';
import type { GridTestBody, GridTestContext, GridTestOptions } from './grid-test-context.js';
import { GridAssertionError } from './marbles/assertion.js';
import { Expectations } from './marbles/expectations.js';
import { coldMarbles, hotMarbles } from './marbles/marble-sources.js';
import { timeOf } from './marbles/marbles.js';
import type { Cable } from './network/cable.js';
import { Cluster } from './network/cluster.js';
import type { Fault } from './network/fault.js';
import { Faults } from './network/faults.js';
import { GridLink, type LinkOptions } from './network/link.js';
import { stillOpen } from './still-open.js';
import { withPatience } from './time/event-loop.js';
import { foreignTimers } from './time/foreign-timers.js';
import { StuckError } from './time/stuck-error.js';
import { VirtualClock } from './time/virtual-clock.js';
import { installVirtualTime } from './time/virtual-globals.js';

const hour = 3_600_000;
const transcriptLines = 30;
/** Real ms that the hosts of a test have to close. */
const closePatience = 2_000;

/** One run of the body of a {@link gridTest}. */
export class GridTestRun {
  readonly #options: GridTestOptions;
  readonly #turn: Turn;
  readonly #clock: VirtualClock;
  readonly #expectations: Expectations;
  readonly #faults: Faults;
  readonly #links: GridLink[] = [];
  readonly #clusters: Cluster[] = [];
  readonly #books = new Map<Cable, RouteBook>();
  #over = false;
  #interrupted: Error | undefined = undefined;

  constructor(options: GridTestOptions, turn: Turn) {
    this.#options = options;
    this.#turn = turn;
    this.#clock = new VirtualClock(options);
    this.#expectations = new Expectations(this.#clock);
    this.#faults = new Faults(this.#clock);
  }

  /** Faults of this run that have not struck. */
  get unstruck(): readonly Fault[] {
    return this.#faults.unstruck;
  }

  /** All faults that this run asked for. */
  get faults(): readonly Fault[] {
    return this.#faults.all;
  }

  /** `mayMiss`: says which faults may end without having struck. */
  async run(body: GridTestBody, mayMiss: (fault: Fault) => boolean = () => false): Promise<void> {
    const { virtualGlobals = true, maxTime = hour } = this.#options;
    // Compiled before time is virtual: later it takes no time.
    await createChecksum();
    await this.#clock.gate.passForeign();
    this.#turn.onInterrupt = (reason) => {
      this.#interrupted = reason;
      this.#clock.interrupt(reason);
    };
    this.#turn.check();
    const restore = virtualGlobals
      ? installVirtualTime(this.#clock, () => this.#turn.abandoned)
      : (): void => undefined;
    try {
      await this.#drive(body, maxTime, mayMiss);
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#over = true;
      if (this.#turn.abandoned) {
        restore();
        this.#abandon();
      } else {
        await this.#close();
      }
      this.#clock.stop();
      restore();
    }
  }

  async #drive(body: GridTestBody, maxTime: number, mayMiss: (fault: Fault) => boolean): Promise<void> {
    let ended = false;
    // First, so that time is driven when the body begins.
    const driven = this.#clock.drive(() => {
      // Here, because it is called in each turn: the timers of the next test must be the platform's.
      this.#turn.interruptWhenOver();
      this.#checkTimers();
      return ended;
    }, maxTime);
    const running = (async () => {
      await body(this.#context());
      await this.#flush();
      this.#checkFaults(mayMiss);
    })().finally(() => {
      ended = true;
    });
    // Awaited below; while time is driven, its failure has no listener.
    running.catch(() => undefined);
    await driven;
    await running;
  }

  #checkTimers(): void {
    if (this.#options.virtualGlobals === false || this.#turn.abandoned) return;
    const fake = foreignTimers();
    if (fake === undefined) return;
    throw new StuckError(
      `${fake} were turned on within a gridTest, which has virtual timers of its own. Remove them: setTimeout, Date and ` +
        'the time operators of rxjs run on virtual time already, and advance() lets it pass.',
    );
  }

  async #flush(): Promise<void> {
    const { linger = 50 } = this.#options;
    await this.#clock.advance(this.#expectations.until - this.#clock.elapsed + linger);
    this.#expectations.check();
  }

  // A fault that never strikes tests nothing: its times are wrong, or the messages are not those that were meant.
  #checkFaults(mayMiss: (fault: Fault) => boolean): void {
    const unstruck = this.unstruck.filter((fault) => !mayMiss(fault));
    if (unstruck.length === 0) return;
    throw unstruckError(unstruck, `Transcript:\n${this.#transcript(transcriptLines)}`);
  }

  // Another test runs already, with real timers. Timers that the hosts still set are on the time of this test, which is
  // over.
  #abandon(): void {
    const restore = this.#options.virtualGlobals === false ? (): void => undefined : installVirtualTime(this.#clock);
    try {
      for (const link of this.#links) link.close();
      for (const cluster of this.#clusters) cluster.close().catch(() => undefined);
    } finally {
      restore();
    }
  }

  // What the end of the calls sets off still belongs to this test; what it throws comes too late to matter.
  async #close(): Promise<void> {
    const closing = (async () => {
      for (const link of this.#links) link.close();
      await Promise.all(this.#clusters.map((cluster) => cluster.close()));
      await this.#clock.settle();
    })();
    const late = (): Error => new Error(`The hosts did not close in ${closePatience} ms of real time.`);
    await withPatience(closing, closePatience, late).catch(() => undefined);
  }

  // A body that goes on after the end, because it awaited something outside of the test, must not begin anything.
  #begin<R>(task: () => R): R {
    if (this.#over) throw new Error('This gridTest is over. Is everything in it awaited?');
    return task();
  }

  #context(): GridTestContext {
    const clock = this.#clock;
    const expectations = this.#expectations;
    const { seed } = clock.seeded;
    // Each names itself, because the line that calls it is what a failure shows.
    const expectObservable: GridTestContext['expectObservable'] = (source, subscription) =>
      this.#begin(() => expectations.observable(source, subscription, expectObservable));
    const expectSubscriptions: GridTestContext['expectSubscriptions'] = (actual) =>
      this.#begin(() => expectations.subscriptions(actual, expectSubscriptions));
    const expectFrames: GridTestContext['expectFrames'] = (wire, options) => {
      const cable = 'cable' in wire ? wire.cable : wire;
      return this.#begin(() => expectations.frames(cable, this.#bookOf(cable), options, expectFrames));
    };
    return {
      clock,
      faults: this.#faults,
      random: clock.seeded.fork('test'),
      link: (options) => this.#begin(() => this.#link({ seed, ...options, runtime: clock })),
      cluster: (options) => this.#begin(() => this.#cluster(options)),
      hot: (marbles, values, error) => this.#begin(() => hotMarbles(clock, marbles, values, error)),
      cold: (marbles, values, error) => this.#begin(() => coldMarbles(clock, marbles, values, error)),
      time: timeOf,
      expectObservable,
      expectSubscriptions,
      expectFrames,
      advance: async (time) => clock.advance(timeOf(time)),
      until: (condition, limit) => until(clock, condition, limit),
      settle: () => clock.settle(),
      flush: () => this.#flush(),
      hold: (work) => clock.hold(work),
      transcript: () => this.#transcript(Infinity),
    };
  }

  #link(options: LinkOptions): GridLink {
    const link = new GridLink(options);
    this.#links.push(link);
    this.#books.set(link.cable, link.book);
    return link;
  }

  #cluster(given: Parameters<GridTestContext['cluster']>[0] = {}): Cluster {
    const options = typeof given === 'number' || 'length' in given ? { hosts: given } : given;
    const cluster = new Cluster({ ...options, clock: this.#clock });
    this.#clusters.push(cluster);
    return cluster;
  }

  #bookOf(cable: Cable): RouteBook {
    const known = this.#books.get(cable) ?? this.#clusters.find(({ cables }) => cables.includes(cable))?.book;
    if (known !== undefined) return known;
    const book = new RouteBook();
    this.#books.set(cable, book);
    return book;
  }

  get #cables(): readonly Cable[] {
    return [...this.#links, ...this.#clusters].flatMap((owner) => owner.cables);
  }

  #transcript(lines: number): string {
    return this.#cables
      .map((cable) => transcript(cable, this.#bookOf(cable), 0, lines))
      .filter((text) => text !== '')
      .join('\n\n');
  }

  // A deadline may have passed only because virtual time does not wait for real work.
  #deadlineText(error: unknown): string | undefined {
    const passed = this.#clock.gate.passed;
    if (passed.length === 0 || !isDeadline(error)) return undefined;
    return (
      `${error.name}: ${error.message}\nVirtual time passed while real work was open (${passed.join(', ')}): ` +
      'where that is why it was late, wrap the work in hold().'
    );
  }

  // A diagram that failed has its transcript; where the test cannot end, it is shown what is open.
  #explain(error: unknown): unknown {
    const deadline = this.#deadlineText(error);
    if (deadline !== undefined) return new StuckError(deadline, { cause: error });
    if (!(error instanceof StuckError) && (error === undefined || error !== this.#interrupted)) return error;
    const { message } = error as Error;
    const open = stillOpen(this.#clock, this.#cables, (cable) => this.#bookOf(cable), this.#clusters);
    const text = this.#transcript(transcriptLines);
    return new StuckError(
      `${message}\n\nStill open at ${Math.round(this.#clock.elapsed)} ms:\n${open}\n\n` +
        `Transcript:\n${text === '' ? '(no wire)' : text}`,
      { cause: error },
    );
  }
}

// Of a call, of rxjs' timeout, and of AbortSignal.timeout, whose error may come from another realm.
function isDeadline(error: unknown): error is Error {
  if (typeof error !== 'object' || error === null) return false;
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  return name === 'TimeoutError' || code === 'deadline-exceeded';
}

/** Faults that never struck, as the failure of a test. */
export function unstruckError(unstruck: readonly Fault[], more: string): GridAssertionError {
  const lines = unstruck.map(({ text }) => `  ${text}`);
  return new GridAssertionError(
    `Faults that never struck, so the test says nothing about them:\n${lines.join('\n')}\n` +
      `Check their times, \`from\` and \`where\`, and that time passes after them; or give \`mayMiss: true\`.\n\n${more}`,
    [],
    lines,
  );
}

/** Lets time pass, ms by ms, until the condition holds. */
async function until(clock: VirtualClock, condition: () => boolean, limit: number | string = '1m'): Promise<void> {
  const end = clock.elapsed + timeOf(limit);
  while (!condition()) {
    if (clock.elapsed >= end) {
      throw new StuckError(`until: the condition does not hold after ${timeOf(limit)} ms: ${String(condition)}`);
    }
    await clock.advance(1);
  }
}
