/**
 * One run of a simulation.
 *
 *     start ──▶ steps of the plan ──duration──▶ faults end ──quiet, every operation has ended──▶ invariants: end
 *                    └── a violation ends it at once ──┐            └── closed ──▶ invariants: closed ──▶ over
 *                                                      └──────────────────────────────────────────────────▲
 */

import { config, Subscription } from 'rxjs';
import { History } from '../checkers/history.js';
import { Cluster, type ClusterOptions } from '../network/cluster.js';
import { inspect } from '../marbles/inspect.js';
import { VirtualClock } from '../time/virtual-clock.js';
import { installVirtualTime } from '../time/virtual-globals.js';
import { Disturbance } from './disturbance.js';
import { EventLog } from './event-log.js';
import { startFault, faultText, type FaultMix } from './fault-plan.js';
import type { Invariant } from './invariant.js';
import { chooseCore, type Liveness } from './liveness.js';
import { operationRules, Operations, type Outcomes } from './operations.js';
import { drawPlan, type Step } from './plan.js';
import { checkedWorkload, invariantOf } from './plan-check.js';
import { checkConnected, checkInvariants } from './run-checks.js';
import { RunMarks } from './run-marks.js';
import { transcriptOf } from './run-transcript.js';
import type { Violation } from './simulation-error.js';
import type { Simulation, StartedFault, Workload } from './workload.js';

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
  readonly liveness: Required<Liveness> | undefined;
  readonly rareBranches: boolean;
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
  /** The first events, one line each. */
  readonly lines: readonly string[];
  readonly outcomes: Outcomes;
  /** The marks that it reached, and how often. */
  readonly marks: Readonly<Record<string, number>>;
  /** The last lines of what went over the wires; empty without a history. */
  readonly transcript: string;
}

/** What the run itself checks. */
const rules = {
  throws: 'nothing is thrown out of a task',
} as const;

/** Virtual ms after the last operation, in which its cancel arrives. */
const settling = 2_000;

/** One run of a simulation: makes the steps of its plan, and checks its invariants. */
export class SimulationRun<Operation> implements Simulation {
  readonly clock: VirtualClock;
  readonly cluster: Cluster;
  readonly history: History;
  readonly faults: StartedFault[] = [];

  readonly sometimes: Simulation['sometimes'];
  readonly buggify: Simulation['buggify'];

  readonly #options: RunOptions<Operation>;
  readonly #marks: RunMarks;
  readonly #workload: Workload<Operation>;
  readonly #invariants: readonly Invariant[];
  readonly #steps: readonly Step<Operation>[];
  // The hosts that stay up while it is checked that there is progress.
  readonly #core: readonly string[];
  readonly #log: EventLog;
  readonly #faults = new Subscription();
  readonly #disturbance: Disturbance;
  readonly #operations: Operations<Operation>;
  // When all faults end that last until then.
  #faultsEnd = Infinity;
  #ready = false;
  #step = 0;
  #violation: Violation | undefined = undefined;

  constructor(options: RunOptions<Operation>) {
    this.#options = options;
    const { seed, hosts, cluster, workload, invariants, history, steps } = options;
    this.clock = new VirtualClock({ seed });
    this.#marks = new RunMarks(this.clock.seeded.fork('marks'), options.rareBranches);
    ({ sometimes: this.sometimes, buggify: this.buggify } = Object.assign(this.clock, this.#marks.ofRuntime));
    this.history = new History(this.clock);
    this.#log = new EventLog(() => this.clock.elapsed, options.hash);
    this.cluster = new Cluster({
      ...cluster,
      clock: this.clock,
      hosts,
      history,
      setup: (manager, name) => {
        // The first managers are made with the cluster, which the workload may inspect.
        if (this.#isReady()) this.#workload.setup(manager, name);
      },
    });
    this.cluster.network.watch(this.#log);
    this.#workload = checkedWorkload(workload(this));
    this.#disturbance = new Disturbance(options.quiet);
    this.#operations = new Operations({
      simulation: this,
      workload: this.#workload,
      disturbance: this.#disturbance,
      now: () => this.clock.elapsed,
    });
    this.#ready = true;
    for (const { manager, name } of this.cluster.hosts) this.#workload.setup(manager, name);
    this.#invariants = [...invariants.map((make) => invariantOf(make, this)), ...(this.#workload.invariants ?? [])];
    const { faults, liveness } = options;
    const random = this.clock.seeded.fork('plan');
    this.#core =
      faults === undefined || liveness === undefined ? hosts : chooseCore(random.fork('core'), hosts, liveness.core);
    this.#steps =
      typeof steps === 'number'
        ? drawPlan(random, this.#workload, { ...options, operations: steps, core: this.#core })
        : steps;
  }

  get seed(): number {
    return this.#options.seed;
  }

  // Properties, so that a workload can take them apart: `({ note }) => …`.
  readonly note = (text: string): void => {
    this.#log.note(text);
  };

  readonly violate = (invariant: string, text: string): void => {
    this.#violation ??= { invariant, text, step: this.#step, at: Math.round(this.clock.elapsed) };
  };

  /** Runs it. Virtual time must not be installed. */
  async run(): Promise<RunResult<Operation>> {
    const restore = installVirtualTime(this.clock);
    const { onUnhandledError } = config;
    if (this.#workload.unhandled !== undefined) {
      config.onUnhandledError = (error: unknown) => this.#workload.unhandled?.(error);
    }
    try {
      await this.#guarded(() => this.#play());
      const transcript = this.#options.history === 0 ? '' : transcriptOf(this.cluster);
      await this.#guarded(() => this.#close());
      const { events, fingerprint, lines } = this.#log;
      const { outcomes } = this.#operations;
      const { reached: marks } = this.#marks;
      return {
        steps: this.#steps,
        violation: this.#violation,
        events,
        fingerprint,
        lines,
        outcomes,
        marks,
        transcript,
      };
    } finally {
      this.clock.stop();
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
    this.#faultsEnd = begin + duration;
    this.#schedule([...this.#steps.entries()].filter(([, step]) => !('recovered' in step)));
    await this.#until(begin + duration);
    this.#faults.unsubscribe();
    await this.#until(begin + duration + quiet);
    await this.#until(begin + duration + patience, () => this.#operations.open.length === 0);
    this.#checkOver(operationRules.ends);
    this.#checkSome();
    checkConnected(this.cluster, this.violate);
    await this.#checkProgress();
    // What the last end set off is still on its way.
    await this.#until(this.clock.elapsed + settling);
    this.#check('end');
  }

  #schedule(steps: readonly [number, Step<Operation>][]): void {
    for (const [index, step] of steps) {
      this.clock.schedule(() => {
        this.#begin(step, index + 1);
      }, step.at);
    }
  }

  #checkOver(rule: string): void {
    const { open } = this.#operations;
    if (open.length > 0) this.violate(rule, `Still open: ${open.slice(0, 3).map(inspect).join(', ')}`);
  }

  // A run in which nothing succeeds has tested nothing. A plan that was given may be all failures on purpose.
  #checkSome(): void {
    const { succeeded, failed } = this.#operations.outcomes;
    if (typeof this.#options.steps !== 'number' || succeeded > 0 || Object.keys(failed).length === 0) return;
    this.violate(operationRules.some, `None did; ${inspect(failed)}`);
  }

  /**
   * Once the hosts are connected again, a core of them makes progress while the others are down: operations succeed, in
   * time. Then the others come back.
   */
  async #checkProgress(): Promise<void> {
    const { liveness, quiet } = this.#options;
    if (liveness === undefined || this.#violation !== undefined) return;
    const steps = [...this.#steps.entries()].filter(([, step]) => 'recovered' in step);
    if (steps.length === 0) return;
    const others = this.cluster.hosts.filter(({ name }) => !this.#core.includes(name));
    const random = this.clock.seeded.fork('others');
    for (const host of others) host.crash(random.chance(0.5));
    const last = this.clock.elapsed + liveness.duration;
    this.#schedule(steps);
    await this.#until(last);
    await this.#until(last + liveness.within, () => this.#operations.open.length === 0);
    this.#checkOver(operationRules.progress);
    if (others.length === 0) return;
    for (const host of others) await host.start();
    await this.#until(this.clock.elapsed + quiet);
    checkConnected(this.cluster, this.violate);
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
    // Each end must be notified of the other one's.
    await this.clock.advance(settling);
    if (this.#violation === undefined) this.#check('closed');
  }

  #begin(step: Step<Operation>, number: number): void {
    this.#step = number;
    if (this.#violation !== undefined) return;
    this.#check('step');
    if ('fault' in step) {
      this.note(`fault ${faultText(step.fault)}`);
      const { fault } = step;
      const at = this.clock.elapsed;
      const until = Math.min('for' in fault ? at + fault.for : at, Math.max(at, this.#faultsEnd));
      this.faults.push({ fault, at, until });
      this.#disturbance.add(until);
      this.#faults.add(startFault(step.fault, this.cluster, this.clock));
      return;
    }
    this.#operations.perform(step.operation);
  }

  #check(when: 'step' | 'end' | 'closed'): void {
    checkInvariants(this.#invariants, when, this.violate);
  }
}
