import { ConfigurationError } from '../errors.js';
import { whenAborted } from '../flow/when-aborted.js';
import type { Runtime } from '../runtime.js';
import type { Call } from './handler.js';

/** Options of one call. */
export interface CallOptions {
  /** Time for the whole call, in ms. Default, where there is no deadline either: 60 s for unary calls, none for streams. */
  readonly timeout?: number;
  /**
   * The point in time, by the wall clock, at which the call ends at the latest. It becomes a duration when the call is made:
   * a correction of the clock later on changes nothing. With a timeout, the earlier one counts.
   */
  readonly deadline?: Date;
  /** Aborting it cancels the call; it then errors with `signal.reason`. */
  readonly signal?: AbortSignal;
  /** The call on whose behalf this one is made: its deadline and its cancel hold for this one too, beside its own. */
  readonly parent?: Call<unknown>;
  /**
   * What to do while there is no connection. Default: wait while connecting, fail at once in back-off. True: wait until
   * the deadline. A number: wait at most so many ms. False: fail at once.
   */
  readonly waitForConnect?: boolean | number;
}

/** The options of a call, as calls use them. */
export interface ResolvedOptions {
  /** On the monotonic clock, in ms; Infinity for none. */
  readonly deadline: number;
  readonly signals: readonly AbortSignal[];
  readonly wait: boolean | number | undefined;
}

const noSignals: readonly AbortSignal[] = [];

/**
 * Resolves options at the time `now` of the monotonic clock. `wallNow` is asked where an option is a date.
 *
 * @throws ConfigurationError for a time that is none.
 */
export function resolveOptions(
  options: CallOptions | undefined,
  now: number,
  wallNow: () => number,
  defaultTimeout: number,
): ResolvedOptions {
  if (options === undefined) return { deadline: now + defaultTimeout, signals: noSignals, wait: undefined };
  const { timeout, deadline, signal, parent, waitForConnect } = options;
  if (timeout !== undefined && !(timeout > 0)) {
    throw new ConfigurationError(`A timeout must be a number of ms above 0; it is ${String(timeout)}.`);
  }
  if (deadline !== undefined && Number.isNaN(deadline.getTime())) {
    throw new ConfigurationError('A deadline must be a valid Date; it is an invalid one.');
  }
  if (typeof waitForConnect === 'number' && !(waitForConnect >= 0)) {
    throw new ConfigurationError(
      `waitForConnect must be a number of ms, 0 or more, or a boolean; it is ${String(waitForConnect)}.`,
    );
  }
  const own = timeout ?? (deadline === undefined ? defaultTimeout : Infinity);
  const signals: AbortSignal[] = [];
  if (signal !== undefined) signals.push(signal);
  if (parent !== undefined) signals.push(parent.signal);
  const dates = [deadline, parent?.deadline].flatMap((date) => date?.getTime() ?? []);
  const untilDate = dates.length === 0 ? Infinity : Math.min(...dates) - wallNow();
  return {
    deadline: now + Math.min(own, untilDate),
    signals,
    wait: waitForConnect,
  };
}

/** Calls `onAbort` once when one of the signals aborts, later also for one that has aborted already. The result stops listening. */
export function onAbort(
  signals: readonly AbortSignal[],
  runtime: Runtime,
  abort: (reason: unknown) => void,
): () => void {
  const aborted = signals.find((signal) => signal.aborted);
  if (aborted !== undefined) {
    return runtime.schedule(() => {
      abort(aborted.reason);
    }, 0);
  }
  const stops = signals.map((signal) =>
    whenAborted(signal, () => {
      stop();
      abort(signal.reason);
    }),
  );
  const stop = (): void => {
    for (const stopListening of stops) stopListening();
  };
  return stop;
}
