import { errorText, GridError } from '../../errors.js';
import type { OpenEntry } from '../checkers/history.js';
import { inspect } from '../marbles/inspect.js';
import type { Disturbance } from './disturbance.js';
import type { Simulation, Workload } from './workload.js';

/** What the operations of a run are held to. */
export const operationRules = {
  ends: 'every operation ends',
  errors: 'an operation fails with nothing but a GridError',
  consequence: 'an operation fails only as the consequence of a fault',
  progress: 'after the faults, every operation ends in time',
  some: 'some operation succeeds',
} as const;

/**
 * Codes of errors that faults of lines, hosts and clocks lead to. Every other one is a violation, unless the workload
 * allows it.
 */
const consequences: readonly string[] = ['disconnected', 'deadline-exceeded'];

/** What an {@link Operations} needs of its run. */
export interface OperationsOptions<Operation> {
  readonly simulation: Simulation;
  readonly workload: Workload<Operation>;
  readonly disturbance: Disturbance;
  readonly now: () => number;
}

/** How the operations of a run ended. */
export interface Outcomes {
  readonly succeeded: number;
  /** By the `code` of the error; those without one are violations. */
  readonly failed: Readonly<Record<string, number>>;
}

/** The operations of a run: it performs them, counts how they end, and reports those that may not have failed. */
export class Operations<Operation> {
  readonly #options: OperationsOptions<Operation>;
  // By their entries: two operations may be equal, or the same primitive value.
  readonly #open = new Map<OpenEntry<unknown>, Operation>();
  readonly #failed = new Map<string, number>();
  #succeeded = 0;

  constructor(options: OperationsOptions<Operation>) {
    this.#options = options;
  }

  /** Operations that have begun and not ended. */
  get open(): readonly Operation[] {
    return [...this.#open.values()];
  }

  get outcomes(): Outcomes {
    return {
      succeeded: this.#succeeded,
      failed: Object.fromEntries([...this.#failed].sort(([left], [right]) => (left < right ? -1 : 1))),
    };
  }

  perform(operation: Operation): void {
    const { simulation, workload, now } = this.#options;
    const beganAt = now();
    simulation.note(`operation ${inspect(operation)}`);
    const entry = simulation.history.begin(operation);
    let work: unknown;
    try {
      work = workload.perform(operation, simulation);
    } catch (error) {
      entry.failed(error);
      this.#fail(operation, beganAt, error);
      return;
    }
    if (!isThenable(work)) {
      entry.ok(work);
      this.#succeeded++;
      return;
    }
    this.#open.set(entry, operation);
    work.then(
      (result) => {
        this.#open.delete(entry);
        entry.ok(result);
        this.#succeeded++;
        simulation.note('operation ended');
      },
      (error: unknown) => {
        this.#open.delete(entry);
        entry.failed(error);
        this.#fail(operation, beganAt, error);
      },
    );
  }

  #fail(operation: Operation, beganAt: number, error: unknown): void {
    const { simulation, workload, disturbance } = this.#options;
    simulation.note(`operation failed: ${errorText(error)}`);
    if (!(error instanceof GridError)) {
      simulation.violate(operationRules.errors, `${inspect(operation)}: ${traceOf(error)}`);
      return;
    }
    this.#failed.set(error.code, (this.#failed.get(error.code) ?? 0) + 1);
    if (workload.mayFail?.(error, operation) === true) return;
    const why = !consequences.includes(error.code)
      ? `No fault leads to an error with the code ${error.code}. If it is an answer of the service, permit it in the workload: mayFail: (error) => error.code === '${error.code}'.`
      : disturbance.calmSince(beganAt)
        ? 'It ran without a fault, and no fault was recent enough to be the cause.'
        : undefined;
    if (why !== undefined)
      simulation.violate(operationRules.consequence, `${inspect(operation)}: ${why}\n${error.name}: ${error.message}`);
  }
}

function traceOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : inspect(error);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
