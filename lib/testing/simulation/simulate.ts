/**
 * Deterministic simulation of a cluster: hosts, faults and what the hosts do all come from one seed, on virtual time.
 *
 *     seed ──▶ plan (operations, faults) ──▶ run ──▶ report
 *                                             └─ violation ──▶ shrink: runs with a part of the plan ──▶ SimulationError
 */

import { ConfigurationError } from '../../errors.js';
import { createChecksum } from '../../wire/checksum.js';
import { hostNames, type ClusterOptions } from '../network/cluster.js';
import { inspect } from '../marbles/inspect.js';
import { exclusively, type Turn } from '../exclusive.js';
import { differenceOf } from './differing-runs.js';
import type { FaultMix } from './fault-plan.js';
import type { Invariant } from './invariant.js';
import { livenessOf, type Liveness } from './liveness.js';
import { checkFaultMix, checkSimulation, checkSteps } from './plan-check.js';
import type { Step } from './plan.js';
import { shrink } from './shrink.js';
import { namedHosts, simplify } from './simplify.js';
import { SimulationError } from './simulation-error.js';
import { SimulationRun, type RunOptions, type RunResult } from './simulation-run.js';
import type { Simulation, Workload } from './workload.js';

/** Options of {@link simulate}. Times in virtual ms. */
export interface SimulationOptions<Operation> {
  /** Short names, or how many. Default 3. */
  readonly hosts?: number | readonly string[];
  /** Of everything random. Default 1. */
  readonly seed?: number;
  /**
   * How many operations are drawn; or a whole plan, such as the shrunk one of a {@link SimulationError}. Default 100.
   */
  readonly steps?: number | readonly Step<Operation>[];
  /** The time in which the plan happens. Default 30 000. */
  readonly duration?: number;
  /** After the plan, without faults: so long, that the hosts find out what they have lost. Default 35 000. */
  readonly quiet?: number;
  /** After the plan, an operation that is not over after so long counts as one that never ends. Default 180 000. */
  readonly patience?: number;
  /**
   * The faults that happen; false for none. Default: one in 3 s, of all kinds that TCP, machines and processes have.
   */
  readonly faults?: FaultMix | false;
  /**
   * What must be possible once the faults are over and the hosts have recovered; false: nothing. Default: ten
   * operations, which must succeed within 10 000.
   */
  readonly liveness?: Liveness | false;
  /**
   * Takes rare branches at random: of the library (messages that leave early, small windows, full sockets, credit that
   * comes late) and of your code, at `simulation.buggify('…')`. Default: true where there are faults.
   */
  readonly rareBranches?: boolean;
  /** Options of the managers and of the lines between them. */
  readonly cluster?: Omit<Partial<ClusterOptions>, 'clock' | 'hosts' | 'setup' | 'history'>;
  /** Makes what the hosts do. Called for each run, so that none sees the state of another one. */
  readonly workload: (simulation: Simulation) => Workload<Operation>;
  /** Make what must hold, beside the invariants of the workload. Called for each run. */
  readonly invariants?: readonly ((simulation: Simulation) => Invariant)[];
  /** Runs that may be spent on making a failing plan smaller; 0: it stays as it is. Default 200. */
  readonly shrinkRuns?: number;
  /**
   * Gives operations that are simpler than this one, the simplest first: a failing plan keeps each that still fails.
   * Default: operations stay as they are.
   */
  readonly shrinkOperation?: (operation: Operation) => readonly Operation[];
  /** Ends the simulation when it aborts: the `signal` that vitest and node:test give a test. */
  readonly signal?: AbortSignal;
  /** Real ms that it waits for another simulation or gridTest that runs at the same time. Default 4 000. */
  readonly wait?: number;
  /** What the error calls the way to repeat a seed. Default: names the options that the plan depends on. */
  readonly repeat?: (seed: number) => string;
}

/** What a simulation was that held. */
export interface SimulationReport {
  readonly seed: number;
  /** Operations and faults. */
  readonly steps: number;
  /** Messages sent and arrived, sockets opened and closed, steps, and ends of operations. */
  readonly events: number;
  /** Of every event with its time, and of every byte on the wires: equal for equal runs. */
  readonly fingerprint: string;
  /** Operations that succeeded. */
  readonly succeeded: number;
  /** Operations that failed as they may, by the `code` of the error. */
  readonly failed: Readonly<Record<string, number>>;
  /**
   * How often each mark was reached: those of `simulation.sometimes('…')`, those of the library, and the rare branches.
   */
  readonly marks: Readonly<Record<string, number>>;
}

const transcriptHistory = 200;

/**
 * Runs a cluster with random faults, and checks that what must hold does. The same seed and the same options give the
 * same run, byte for byte. A failing run is repeated with fewer steps, as long as the same invariant fails.
 *
 * ```ts
 * await simulate({
 *   hosts: 3,
 *   seed: 7,
 *   workload: () => {
 *     const sold = new Set<number>();
 *     return {
 *       setup: (manager) => serveStock(manager, sold),
 *       draw: (random, hosts) => ({ from: random.pick(hosts), to: random.pick(hosts), item: random.below(100) }),
 *       perform: ({ from, to, item }, { cluster }) =>
 *         firstValueFrom(cluster.host(from).connection(to).request(reserve, { item })),
 *       invariants: [{ name: 'no more is sold than was there', end: () => expect(sold.size).toBeLessThan(101) }],
 *     };
 *   },
 * });
 * ```
 *
 * Simulations and `gridTest`s that run at the same time wait for each other.
 *
 * @throws SimulationError for what does not hold: its message has the seed, the shrunk plan and how to repeat it.
 * ConfigurationError without a host.
 */
export function simulate<Operation>(options: SimulationOptions<Operation>): Promise<SimulationReport> {
  // Options that are none are refused where they are checked.
  const { signal, wait } = (options as Partial<typeof options> | undefined) ?? {};
  return exclusively({ what: 'simulate', signal, wait }, async (turn) => {
    // Compiled before time is virtual: later it takes no time.
    const checksum = await createChecksum();
    const runOptions = withDefaults(options, (bytes) => checksum.hash(bytes));
    const play = player<Operation>(turn);
    const result = await play(runOptions);
    const { steps, events, fingerprint, violation, outcomes, marks } = result;
    if (violation === undefined)
      return { seed: runOptions.seed, steps: steps.length, events, fingerprint, ...outcomes, marks };
    throw await explain(options, runOptions, play, { ...result, violation });
  });
}

type Play<Operation> = (options: RunOptions<Operation>) => Promise<RunResult<Operation>>;

// Each run ends at once where the turn is interrupted: by a signal, or by the end of the framework's test.
function player<Operation>(turn: Turn): Play<Operation> {
  return async (options) => {
    turn.check();
    const run = new SimulationRun(options);
    turn.onInterrupt = (reason) => {
      run.clock.interrupt(reason);
    };
    const result = await run.run();
    turn.check();
    return result;
  };
}

function withDefaults<Operation>(
  options: SimulationOptions<Operation>,
  hash: (bytes: Uint8Array) => number,
): RunOptions<Operation> {
  checkSimulation(options);
  const { hosts = 3, faults = {}, liveness } = options;
  const { length } = hostNames(hosts);
  if (length === 0) throw new ConfigurationError('A simulation needs a host.');
  if (faults !== false) checkFaultMix(faults);
  if (typeof options.steps === 'object') checkSteps(options.steps, hostNames(hosts));
  return {
    seed: options.seed ?? 1,
    hosts: hostNames(hosts),
    steps: options.steps ?? 100,
    duration: options.duration ?? 30_000,
    quiet: options.quiet ?? 35_000,
    patience: options.patience ?? 180_000,
    faults: faults === false ? undefined : faults,
    liveness: liveness === false ? undefined : livenessOf(liveness, length),
    rareBranches: options.rareBranches ?? faults !== false,
    cluster: options.cluster ?? {},
    workload: options.workload,
    invariants: options.invariants ?? [],
    hash,
    history: 0,
  };
}

type FailedRun<Operation> = RunResult<Operation> & {
  readonly violation: NonNullable<RunResult<Operation>['violation']>;
};

async function explain<Operation>(
  { shrinkRuns = 200, shrinkOperation, repeat }: SimulationOptions<Operation>,
  runOptions: RunOptions<Operation>,
  play: Play<Operation>,
  { steps, violation, lines }: FailedRun<Operation>,
): Promise<SimulationError<Operation>> {
  const { seed } = runOptions;
  const rerun = (
    part: readonly Step<Operation>[],
    hosts = runOptions.hosts,
    history = 0,
  ): Promise<RunResult<Operation>> =>
    play({ ...runOptions, cluster: ofHosts(runOptions.cluster, hosts), steps: part, hosts, history });
  const fails = async (part: readonly Step<Operation>[], hosts?: readonly string[]): Promise<boolean> =>
    (await rerun(part, hosts)).violation?.invariant === violation.invariant;
  // A run that is not the same again cannot be shrunk: what is left out may not be why it then holds.
  const again = await rerun(steps);
  const differs = differenceOf(lines, again.lines);
  const budget = again.violation?.invariant === violation.invariant ? shrinkRuns : 0;
  const { smallest, tries } = await shrink(
    steps,
    // What comes later cannot be the cause; and many faults of a program need no fault of a line.
    [steps.slice(0, violation.step), steps.slice(0, violation.step).filter((step) => !('fault' in step))],
    fails,
    budget,
  );
  const simple = await simplify(smallest, { shrinkOperation, fails, budget: budget - tries });
  // At other times, a step may no longer be needed, such as a fault that made two operations overlap.
  const left = await shrink(simple.steps, [], fails, budget - tries - simple.tries);
  const { hosts } = budget === 0 ? runOptions : await withFewerHosts(runOptions, left.smallest, fails);
  // Once more, with a history for the transcript.
  const last = await rerun(left.smallest, hosts, transcriptHistory);
  return new SimulationError({
    seed,
    violation,
    planned: steps.length,
    steps: left.smallest,
    shrunk: last.violation ?? violation,
    tries: tries + simple.tries + left.tries,
    repeat: repeat?.(seed) ?? repeatText(runOptions),
    ...(hosts.length < runOptions.hosts.length ? { hosts } : {}),
    transcript: last.transcript,
    ...(differs === undefined ? {} : { differs }),
  });
}

// The hosts that the plan does not name are left out, where it fails without them.
async function withFewerHosts<Operation>(
  { hosts }: RunOptions<Operation>,
  steps: readonly Step<Operation>[],
  fails: (part: readonly Step<Operation>[], hosts: readonly string[]) => Promise<boolean>,
): Promise<{ readonly hosts: readonly string[] }> {
  const named = namedHosts(steps, hosts);
  return { hosts: named.length < hosts.length && (await fails(steps, named)) ? named : hosts };
}

// What the options of a cluster say of hosts, for those that are left.
function ofHosts({ skew, peers, ...others }: RunOptions<unknown>['cluster'], hosts: readonly string[]): typeof others {
  const left = <T>(byName: Readonly<Record<string, T>> = {}): Readonly<Record<string, T>> =>
    Object.fromEntries(Object.entries(byName).filter(([name]) => hosts.includes(name)));
  return { ...others, ...(skew && { skew: left(skew) }), ...(peers && { peers: left(peers) }) };
}

// All that the drawn plan depends on, beside the workload.
function repeatText<Operation>({ seed, hosts, steps, duration, faults }: RunOptions<Operation>): string {
  const drawn = { seed, hosts, ...(typeof steps === 'number' ? { steps } : {}), duration, faults: faults ?? false };
  return `simulate({ …, ${inspect(drawn).replace(/^\{ | \}$/g, '')} })`;
}
