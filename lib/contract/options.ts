import { anyMs, checkOptions, either, oneOf, withMethods, type Rule } from '../check.js';
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
   * What to do while there is no connection. Default: wait while connecting, fail at once in back-off and before the
   * manager is started. True: wait until the deadline. A number: wait at most so many ms. False: fail at once.
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

const callRules: Readonly<Record<keyof CallOptions, Rule>> = {
  timeout: anyMs,
  deadline: {
    expected: 'a valid Date',
    // Not by instanceof: a Date may come from another realm.
    accepts: (value) =>
      Object.prototype.toString.call(value) === '[object Date]' && !Number.isNaN((value as Date).getTime()),
  },
  signal: withMethods('an AbortSignal', 'addEventListener'),
  parent: {
    expected: 'the call that a handler was given',
    accepts: (value) => typeof value === 'object' && value !== null && 'signal' in value,
  },
  waitForConnect: either(oneOf(true, false), {
    expected: 'a number of ms, 0 or more',
    accepts: (value) => typeof value === 'number' && value >= 0,
  }),
};

const optionsOfCall = { of: 'A call' };
const noOptions: CallOptions = {};
const noSignals: readonly AbortSignal[] = [];

/**
 * Resolves options at the time `now` of the monotonic clock. `wallNow` is asked where an option is a date; `onBehalfOf` is
 * the parent of a call that names none.
 *
 * @throws ConfigurationError for an unknown option, and for one that cannot work.
 */
export function resolveOptions(
  options: CallOptions | undefined,
  now: number,
  wallNow: () => number,
  defaultTimeout: number,
  onBehalfOf?: Call<unknown>,
): ResolvedOptions {
  if (options === undefined && onBehalfOf === undefined) {
    return { deadline: now + defaultTimeout, signals: noSignals, wait: undefined };
  }
  if (options !== undefined) checkOptions(options, callRules, optionsOfCall);
  const { timeout, deadline, signal, parent = onBehalfOf, waitForConnect } = options ?? noOptions;
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
