import type { UnsubscriptionError } from 'rxjs';
import { plannedFailure } from './source.js';

/**
 * What the code of a handler throws: the handler itself, an operator behind its output or its input, a finalizer (or
 * the `finally` of a generator) of its output, a finalizer of its input.
 */
export const handlerThrows = ['handler', 'projection', 'finalizer', 'inputProjection', 'inputFinalizer'] as const;
export type HandlerThrow = (typeof handlerThrows)[number];

/**
 * What the code of a caller throws: an operator behind the call, a finalizer, an observer; the input fails, or its
 * finalizer throws.
 */
export const callerThrows = ['projection', 'finalizer', 'observer', 'inputFailure', 'inputFinalizer'] as const;
export type CallerThrow = (typeof callerThrows)[number];

/** Names of what is checked. */
export const throwRules = {
  once: 'what user code throws is reported exactly once, where it belongs',
  planned: 'nothing is reported but what the plan throws',
} as const;

/** Where a throw has come to: an event, the hook of rxjs, the code that unsubscribed, the outcome of the call. */
export type Reported = 'events$' | 'unhandled' | 'caught' | 'outcome';

/** An error that user code throws because its script says so. */
export class PlannedThrow extends Error {
  readonly call: number;
  readonly place: string;
  readonly reports: Reported[] = [];
  readonly belongs: readonly Reported[];
  /** True where nobody is left who could report it. */
  readonly mayBeLost: () => boolean;

  constructor(call: number, place: string, belongs: readonly Reported[], mayBeLost: () => boolean) {
    super(plannedFailure);
    this.name = 'PlannedThrow';
    this.call = call;
    this.place = place;
    this.belongs = belongs;
    this.mayBeLost = mayBeLost;
  }
}

/** All that is thrown in one run. */
export class Throws {
  readonly #thrown: PlannedThrow[] = [];
  readonly #violate: (rule: string, text: string) => void;

  constructor(violate: (rule: string, text: string) => void) {
    this.#violate = violate;
  }

  /** Makes an error that is thrown now. `belongs`: where it may be reported. */
  make(
    call: number,
    place: string,
    belongs: readonly Reported[],
    mayBeLost: () => boolean = () => false,
  ): PlannedThrow {
    const error = new PlannedThrow(call, place, belongs, mayBeLost);
    this.#thrown.push(error);
    return error;
  }

  /** Something was reported: each planned throw of it counts, and it may hold nothing else. */
  report(error: unknown, where: Reported): void {
    for (const each of flattened(error)) {
      if (each instanceof PlannedThrow) each.reports.push(where);
      else this.#violate(throwRules.planned, `${where}: ${each instanceof Error ? String(each.stack) : String(each)}`);
    }
  }

  /** Runs what may throw planned errors into its own code, as an unsubscription does. */
  catching(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.report(error, 'caught');
    }
  }

  /** At the end: each was reported once. */
  check(): void {
    for (const { call, place, belongs, reports, mayBeLost } of this.#thrown) {
      const once = reports.length === 1 && belongs.includes(reports[0]!);
      if (once || (reports.length === 0 && mayBeLost())) continue;
      const where = reports.length === 0 ? 'nowhere' : reports.join(', ');
      this.#violate(throwRules.once, `call ${call}: ${place} threw; reported: ${where}; due: ${belongs.join(' or ')}`);
    }
  }
}

// rxjs wraps what finalizers throw.
function flattened(error: unknown): readonly unknown[] {
  const { name, errors } = error as UnsubscriptionError;
  return name === 'UnsubscriptionError' ? errors.flatMap(flattened) : [error];
}
