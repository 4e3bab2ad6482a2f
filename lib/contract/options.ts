import { anyMs, checkOptions, either, oneOf, withMethods, type Rule } from '../check.js';
import { whenAborted } from '../flow/when-aborted.js';
import type { Runtime } from '../runtime.js';
import type { Call } from './handler.js';

/** Options of one call. */
export interface CallOptions {
  /** Time allowed for the whole call, in ms. Default without a `deadline`: 60 s for unary calls, unlimited for streams. */
  readonly timeout?: number;
  /**
   * The time, according to the wall clock, by which the call must end. It is converted to a duration when the call is made,
   * so later corrections of the clock have no effect. If `timeout` is given too, the earlier of the two applies.
   */
  readonly deadline?: Date;
  /** Aborting the signal cancels the call, which then errors with `signal.reason`. */
  readonly signal?: AbortSignal;
  /** The call on whose behalf this one is made. Its deadline and its signal apply in addition to this call's own. */
  readonly parent?: Call<unknown>;
  /**
   * What to do while there is no connection. Default: wait while connecting, which includes the quick
   * attempts of the first 2 s or so after the start; fail at once during back-off and before the manager has been started. True: wait until the deadline. A number: wait at most that many ms. False: fail at once.
   */
  readonly waitForConnect?: boolean | number;
}

/** Call options after validation and with defaults applied. */
export interface ResolvedOptions {
  /** Monotonic time in ms; Infinity for none. */
  readonly deadline: number;
  readonly signals: readonly AbortSignal[];
  readonly wait: boolean | number | undefined;
}

const callRules: Readonly<Record<keyof CallOptions, Rule>> = {
  timeout: anyMs,
  deadline: {
    expected: 'a valid Date',
    // instanceof would refuse a Date of another realm.
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

const checkedAs = { of: 'A call' };
const noOptions: CallOptions = {};
const noSignals: readonly AbortSignal[] = [];

/**
 * Validates call options and applies defaults. `now` is the monotonic time; `wallNow` is called only if an option is a
 * date; `onBehalfOf` is the parent of a call that specifies none.
 *
 * @throws ConfigurationError for an unknown or invalid option.
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
  if (options !== undefined) checkOptions(options, callRules, checkedAs);
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

/** Calls `abort` once, when the first of the signals aborts; on a macrotask if one has aborted already. Returns a function that stops listening. */
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
