/**
 * One run of a simulation.
 *
 *     start ──▶ steps of the plan ──duration──▶ faults end ──quiet, every operation has ended──▶ invariants: end
 *                    └── a violation ends it at once ──┐            └── closed ──▶ invariants: closed ──▶ over
 *                                                      └──────────────────────────────────────────────────▲
 */

import { config, Subscription, take } from 'rxjs';
import { errorText, GridError } from '../../errors.js';
import type { Frame } from '../../wire/frame.js';
import { Op } from '../../wire/ops.js';
import { Cluster, type ClusterOptions } from '../network/cluster.js';
import { inspect } from '../marbles/inspect.js';
import { shortName } from '../network/memory-network.js';
import { timeText } from '../marbles/marbles.js';
import { readWire, wireText } from '../frames/transcript.js';
import { VirtualClock } from '../time/virtual-clock.js';
import { installVirtualTime } from '../time/virtual-globals.js';
import { EventLog } from './event-log.js';
import { startFault, faultText, type FaultMix } from './fault-plan.js';
import type { Invariant } from './invariant.js';
import { drawPlan, type Step } from './plan.js';
import type { Violation } from './simulation-error.js';
import type { Simulation, Workload } from './workload.js';

/** What a run is made of. */
export interface RunOptions<Operation> {
  readonly seed: number;
  readonly hosts: readonly string[];
  /** Operations to draw, or the whole plan. */
  readonly steps: number | readonly Step<Operation>[];
  readonly duration: number;
  readonly quiet: number;
  readonly patience: number;
  readonly faults: FaultMix | undefined;
  readonly cluster: Omit<Partial<ClusterOptions>, 'clock' | 'hosts' | 'setup'>;
  readonly workload: (simulation: Simulation) => Workload<Operation>;
  readonly invariants: readonly ((simulation: Simulation) => Invariant)[];
  /** Of bytes, for the fingerprint. */
  readonly hash: (bytes: Uint8Array) => number;
  /** Entries of each cable's log that are kept. */
  readonly history: number;
}

/** What came of a run. */
export interface RunResult<Operation> {
  readonly steps: readonly Step<Operation>[];
  readonly violation: Violation | undefined;
  readonly events: number;
  readonly fingerprint: string;
  /** The last lines of what went over the wires; empty without a history. */
  readonly transcript: string;
}

/** What the run itself checks. */
const rules = {
  ends: 'every operation ends',
  errors: 'an operation fails with nothing but a GridError',
  throws: 'nothing is thrown out of a task',
  connected: 'the hosts are connected again after the faults',
} as const;

const transcriptLines = 30;
/** Virtual ms after the last operation, in which its cancel arrives. */
const settling = 2_000;

/** See the head of this file. */
export class SimulationRun<Operation> implements Simulation {
  readonly clock: VirtualClock;
  readonly cluster: Cluster;

  readonly #options: RunOptions<Operation>;
  readonly #workload: Workload<Operation>;
  readonly #invariants: readonly Invariant[];
  readonly #steps: readonly Step<Operation>[];
  readonly #log: EventLog;
  readonly #faults = new Subscription();
  readonly #open = new Set<Operation>();
  #ready = false;
  #step = 0;
  #violation: Violation | undefined = undefined;

  constructor(options: RunOptions<Operation>) {
    this.#options = options;
    const { seed, hosts, cluster, workload, invariants, history, steps } = options;
    this.clock = new VirtualClock({ seed });
    this.#log = new EventLog(() => this.clock.elapsed, options.hash);
    this.cluster = new Cluster({
      ...cluster,
      clock: this.clock,
      hosts,
      history,
      setup: (manager, name) => {
        // The first managers are made with the cluster, which the workload may look at.
        if (this.#isReady()) this.#workload.setup(manager, name);
      },
    });
    this.cluster.network.watch(this.#log);
    this.#workload = workload(this);
    this.#ready = true;
    for (const { manager, name } of this.cluster.hosts) this.#workload.setup(manager, name);
    this.#invariants = [...invariants.map((make) => make(this)), ...(this.#workload.invariants ?? [])];
    this.#steps =
      typeof steps === 'number'
        ? drawPlan(this.clock.seeded.fork('plan'), this.#workload, { ...options, operations: steps })
        : steps;
  }

  get seed(): number {
    return this.#options.seed;
  }

  note(text: string): void {
    this.#log.note(text);
  }

  violate(invariant: string, text: string): void {
    this.#violation ??= { invariant, text, step: this.#step, at: Math.round(this.clock.elapsed) };
  }

  /** Runs it. Virtual time must not be installed. */
  async run(): Promise<RunResult<Operation>> {
    const restore = installVirtualTime(this.clock);
    const { onUnhandledError } = config;
    if (this.#workload.unhandled !== undefined) {
      config.onUnhandledError = (error: unknown) => this.#workload.unhandled?.(error);
    }
    try {
      await this.#guarded(() => this.#play());
      const text = this.#transcript();
      await this.#guarded(() => this.#close());
      const { events, fingerprint } = this.#log;
      return { steps: this.#steps, violation: this.#violation, events, fingerprint, transcript: text };
    } finally {
      config.onUnhandledError = onUnhandledError;
      restore();
    }
  }

  // A method, because the compiler does not see when it is called.
  #isReady(): boolean {
    return this.#ready;
  }

  async #guarded(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.violate(rules.throws, error instanceof Error ? (error.stack ?? error.message) : inspect(error));
    }
  }

  async #play(): Promise<void> {
    const { duration, quiet, patience } = this.#options;
    // One after the other: what is compiled or signed in them ends in an order that no seed decides.
    for (const host of this.cluster.hosts) await host.start();
    await this.cluster.start();
    const begin = this.clock.elapsed;
    for (const [index, step] of this.#steps.entries()) {
      this.clock.schedule(() => {
        this.#begin(step, index + 1);
      }, step.at);
    }
    await this.#until(begin + duration);
    this.#faults.unsubscribe();
    await this.#until(begin + duration + quiet);
    await this.#until(begin + duration + patience, () => this.#open.size === 0);
    if (this.#open.size > 0) {
      this.violate(rules.ends, `Still open: ${[...this.#open].slice(0, 3).map(inspect).join(', ')}`);
      return;
    }
    // What the last end set off is still on its way.
    await this.#until(this.clock.elapsed + settling);
    this.#checkConnected();
    this.#check('end');
  }

  // Time goes on to `end`, or until it is enough, or until something is violated.
  async #until(end: number, enough: () => boolean = () => false): Promise<void> {
    const { clock } = this;
    const over = (): boolean => this.#violation !== undefined || enough() || clock.elapsed >= end;
    if (over()) return;
    const cancel = clock.schedule(() => undefined, end - clock.elapsed);
    await clock.drive(over);
    cancel();
  }

  async #close(): Promise<void> {
    this.#faults.unsubscribe();
    await this.cluster.close();
    // Each end has to hear of the other one's.
    await this.clock.advance(settling);
    if (this.#violation === undefined) this.#check('closed');
  }

  #begin(step: Step<Operation>, number: number): void {
    this.#step = number;
    if (this.#violation !== undefined) return;
    this.#check('step');
    if ('fault' in step) {
      this.note(`fault ${faultText(step.fault)}`);
      this.#faults.add(startFault(step.fault, this.cluster, this.clock));
      return;
    }
    const { operation } = step;
    this.note(`operation ${inspect(operation)}`);
    let work: unknown;
    try {
      work = this.#workload.perform(operation, this);
    } catch (error) {
      this.#failed(operation, error);
      return;
    }
    if (!isThenable(work)) return;
    this.#open.add(operation);
    work.then(
      () => {
        this.#open.delete(operation);
        this.note('operation ended');
      },
      (error: unknown) => {
        this.#open.delete(operation);
        this.#failed(operation, error);
      },
    );
  }

  #failed(operation: Operation, error: unknown): void {
    this.note(`operation failed: ${errorText(error)}`);
    if (error instanceof GridError) return;
    this.violate(
      rules.errors,
      `${inspect(operation)}: ${error instanceof Error ? (error.stack ?? error.message) : inspect(error)}`,
    );
  }

  #check(when: 'step' | 'end' | 'closed'): void {
    for (const invariant of this.#invariants) {
      try {
        invariant[when]?.();
      } catch (error) {
        this.violate(invariant.name, errorText(error));
      }
    }
  }

  #checkConnected(): void {
    for (const { name, manager } of this.cluster.hosts) {
      // It replays its last value.
      manager.cluster$.pipe(take(1)).subscribe(({ hosts }) => {
        for (const { host, status } of hosts) {
          if (status !== 'connected') this.violate(rules.connected, `${name} to ${shortName(host)}: ${status}`);
        }
      });
    }
  }

  #transcript(): string {
    if (this.#options.history === 0) return '';
    const { book, cables } = this.cluster;
    const lines = cables.flatMap((cable) =>
      readWire(cable, book)
        .filter((each) => !('frame' in each) || !isKeepalive(each.frame))
        .map((each) => ({
          at: Math.round(each.at),
          text: 'frame' in each ? wireText(each) : `${cable.ends.join(' ⇄ ')}  ${each.text}`,
        })),
    );
    lines.sort((left, right) => left.at - right.at);
    return lines
      .slice(-transcriptLines)
      .map(({ at, text }) => `${timeText(at)}  ${text}`)
      .join('\n');
  }
}

function isKeepalive({ op, muxId }: Frame): boolean {
  return muxId === 0 && (op === Op.Ping || op === Op.Pong);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
