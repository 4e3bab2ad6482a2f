/**
 * The operations of a test with their results, in the order in which they began and ended: for checkers.
 *
 *     invoke ──▶ open ──┬── ok       it took effect, between its begin and its end
 *                       ├── fail     it did not take effect: it was never sent
 *                       └── unknown  it may have taken effect, or still may: its answer was lost
 */

import { aFunction, checkOption } from '../../check.js';
import type { Invariant } from '../simulation/invariant.js';

/** How an operation ended; `open` while it has not. */
export type Outcome = 'open' | 'ok' | 'fail' | 'unknown';

/** One operation of a {@link History}. */
export interface HistoryEntry<Operation = unknown, Result = unknown> {
  readonly operation: Operation;
  /** Place of its begin among all begins and ends. */
  readonly began: number;
  /** Place of its end; Infinity where it is not known to have ended. */
  readonly ended: number;
  /** Virtual ms of its begin and of its end. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
  /** Its result, where its outcome is `ok`. */
  readonly result?: Result;
  /** Its error. */
  readonly error?: unknown;
}

/** Ends an operation that was begun with {@link History.begin}. Only the first call counts. */
export interface OpenEntry<Result> {
  /** Ends the operation with its result. */
  ok(result: Result): void;
  /** The error says whether it took effect: it did not where `sent` of a GridError is false. */
  failed(error: unknown): void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const aChecker = aFunction('checks a history, such as linearizable(model)');

/** Records the operations of a test with their results, for checkers. */
export class History<Operation = unknown, Result = unknown> {
  readonly #entries: Mutable<HistoryEntry<Operation, Result>>[] = [];
  readonly #now: () => number;
  #place = 0;

  /** `clock`: the time of the entries. */
  constructor(clock: { now(): number }) {
    this.#now = () => clock.now();
  }

  /** The operations, in the order of their begins. */
  get entries(): readonly HistoryEntry<Operation, Result>[] {
    return this.#entries;
  }

  /** Adds an operation that begins now. */
  begin(operation: Operation): OpenEntry<Result> {
    const entry: Mutable<HistoryEntry<Operation, Result>> = {
      operation,
      began: this.#place++,
      ended: Infinity,
      beganAt: this.#now(),
      endedAt: Infinity,
      outcome: 'open',
    };
    this.#entries.push(entry);
    const end = (outcome: Outcome): boolean => {
      if (entry.outcome !== 'open') return false;
      entry.outcome = outcome;
      // One whose effect may still come has not ended.
      if (outcome !== 'unknown') entry.ended = this.#place++;
      entry.endedAt = this.#now();
      return true;
    };
    return {
      ok: (result) => {
        if (end('ok')) entry.result = result;
      },
      failed: (error) => {
        if (end(wasSent(error) ? 'unknown' : 'fail')) entry.error = error;
      },
    };
  }

  /** Records an operation from now until `work` has settled, and passes its result or error on. */
  async record<R extends Result>(operation: Operation, work: () => PromiseLike<R>): Promise<R> {
    const entry = this.begin(operation);
    try {
      const result = await work();
      entry.ok(result);
      return result;
    } catch (error) {
      entry.failed(error);
      throw error;
    }
  }

  /**
   * Checks the history so far with a checker, such as `linearizable(model)`.
   *
   * @throws GridAssertionError where it does not hold; ConfigurationError for what is no checker.
   */
  check(checker: Checker<Operation, Result>): void {
    checkOption('history.check: the checker', checker, aChecker);
    checker({ history: this }).end?.();
  }
}

/** What a history must be: an invariant of a simulation, or an argument of {@link History.check}. */
export type Checker<Operation = unknown, Result = unknown> = (test: {
  readonly history: History<Operation, Result>;
}) => Invariant;

// Any other error than a GridError may have been thrown at any time: the operation counts as sent.
function wasSent(error: unknown): boolean {
  return !(typeof error === 'object' && error !== null && (error as { readonly sent?: unknown }).sent === false);
}
