import type { GridError } from '../../errors.js';
import type { Manager } from '../../endpoint/manager.js';
import type { Cluster } from '../network/cluster.js';
import type { SeededRandom } from '../seeded-random.js';
import type { VirtualClock } from '../time/virtual-clock.js';
import type { FaultStep } from './fault-plan.js';
import type { History } from '../checkers/history.js';
import type { Invariant } from './invariant.js';

/** A fault of a run that has begun. Times in virtual ms since the start. */
export interface StartedFault {
  readonly fault: FaultStep;
  readonly at: number;
  /**
   * When it ends; `at` for one that does not last, such as a cut. Faults that last longer than the plan end with it.
   */
  readonly until: number;
}

/** One run, as its workload and its invariants see it. */
export interface Simulation {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly cluster: Cluster;
  /** The faults that have begun so far, for invariants that depend on them. */
  readonly faults: readonly StartedFault[];
  /** What the operations did so far, for checkers: each is recorded. */
  readonly history: History;
  /** Adds a line to the log of the run, which the same seed makes the same again. */
  readonly note: (text: string) => void;
  /**
   * Records that the run reached something rare, such as `'the cache was full'`: the report counts it. A simulation
   * whose seeds never reach a mark does not test what it stands for.
   */
  readonly sometimes: (mark: string) => void;
  /**
   * True where a rare branch of your code is to be taken although nothing calls for it:
   * `if (buggify('evict early')) …`. Each seed takes some of them, some often and some seldom. Always false where
   * `rareBranches` is.
   */
  readonly buggify: (point: string) => boolean;
  /** Reports that an invariant does not hold; the run ends soon. The first report counts. */
  readonly violate: (invariant: string, text: string) => void;
}

/**
 * What the hosts of a simulation do. `Operation` is plain data, such as `{ from: 'a', to: 'b', item: 'tea' }`: a
 * failing plan is cut operation by operation, and printed.
 */
export interface Workload<Operation> {
  /** Registers handlers at a manager: called at each start of a host, so a restart loses what is kept here. */
  setup(manager: Manager, name: string): void;
  /** Draws one operation. Only `random` may decide. */
  draw(random: SeededRandom, hosts: readonly string[]): Operation;
  /**
   * Carries an operation out. A promise that it returns is waited for: the run fails when it never settles, or rejects
   * with anything but what faults lead to: DisconnectedError and DeadlineExceededError, and these only where a fault
   * was there in time. A run in which no operation succeeds fails, too.
   */
  perform(operation: Operation, simulation: Simulation): unknown;
  /**
   * Whether an operation may fail with this error, whatever faults there were. Default: it may not. For answers that
   * are part of the service, such as a RefusedError with a code of yours, and for what its own timeouts lead to.
   */
  mayFail?(error: GridError, operation: Operation): boolean;
  /**
   * Takes what the code of the hosts throws where nobody handles it, in place of `config.onUnhandledError` of rxjs
   * while the run lasts. Default: such an error is thrown in a task of its own, which fails the run.
   */
  unhandled?(error: unknown): void;
  /** What must hold, where it needs the state of the workload. */
  readonly invariants?: readonly Invariant[];
}
