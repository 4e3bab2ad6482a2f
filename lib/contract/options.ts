import { anObject, anyMs, checkOption, checkOptions, withMethods, type Rule } from '../check.js';
import { LimitError, ConfigurationError } from '../errors.js';
import { abortReason, whenAborted } from '../flow/when-aborted.js';
import type { Runtime } from '../runtime.js';
import { encodeMeta, metaFault, type Meta } from '../wire/payloads/opening-extra.js';
import type { Call } from './handler.js';
import { waitForConnectRule, type RouteDefaults } from './route-defaults.js';

/** Options of one call. */
export interface CallOptions {
  /**
   * Time allowed for the whole call, in ms. Default without a `deadline`: as the route declares it; else 60 s for unary
   * calls, and unlimited for streams.
   */
  readonly timeout?: number | undefined;
  /**
   * The time, according to the wall clock, by which the call must end. It is converted to a duration when the call is
   * made, so later corrections of the clock have no effect. If `timeout` is given too, the earlier of the two applies.
   */
  readonly deadline?: Date | undefined;
  /** Aborting the signal cancels the call, which then errors with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The call on whose behalf this one is made. Its deadline and its signal apply in addition to this call's own; its
   * metadata is passed on by interceptors alone.
   */
  readonly parent?: Call<unknown> | undefined;
  /**
   * Metadata, which the handler finds in `call.meta`: texts without control characters, at most `maxMetaBytes` in all.
   * A peer that does not know metadata, such as a reference peer, gets the call without it.
   */
  readonly meta?: Meta | undefined;
  /**
   * What to do while there is no connection. Default: as the route declares it; else wait while connecting, which
   * includes the quick attempts of the first 2 s or so after the start; fail at once during back-off and before the
   * manager has been started. True: wait until the deadline. A number: wait at most that many ms. False: fail at once.
   */
  readonly waitForConnect?: boolean | number | undefined;
}

/** Call options after validation and with defaults applied. */
export interface ResolvedOptions {
  /** Monotonic time in ms; Infinity for none. */
  readonly deadline: number;
  readonly signals: readonly AbortSignal[];
  readonly wait: boolean | number | undefined;
  /** Encoded; undefined for none. */
  readonly meta: Uint8Array | undefined;
}

/** What a deadline may be. */
export const validDate: Rule = {
  expected: 'a valid Date',
  // instanceof would refuse a Date of another realm.
  accepts: (value) =>
    Object.prototype.toString.call(value) === '[object Date]' && !Number.isNaN((value as Date).getTime()),
};

/** What a signal may be. */
export const anAbortSignal: Rule = withMethods('an AbortSignal', 'addEventListener', 'removeEventListener');

const callRules: Readonly<Record<keyof CallOptions, Rule>> = {
  timeout: anyMs,
  deadline: validDate,
  signal: anAbortSignal,
  parent: {
    expected: 'the call that a handler was given',
    accepts: (value) => typeof value === 'object' && value !== null && 'signal' in value,
  },
  meta: anObject,
  waitForConnect: waitForConnectRule,
};

const anyValue: Rule = { expected: 'a value', accepts: () => true };
const noOptions: CallOptions = {};
const noDefaults: RouteDefaults = {};
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
  defaults: RouteDefaults = noDefaults,
  maxMetaBytes = Infinity,
): ResolvedOptions {
  const { timeout: routeTimeout = defaultTimeout, waitForConnect: routeWait } = defaults;
  if (options === undefined && onBehalfOf === undefined) {
    return { deadline: now + routeTimeout, signals: noSignals, wait: routeWait, meta: undefined };
  }
  if (options !== undefined) checkCallOptions(options);
  const { timeout, deadline, signal, parent = onBehalfOf, waitForConnect = routeWait, meta } = options ?? noOptions;
  const own = timeout ?? (deadline === undefined ? routeTimeout : Infinity);
  const signals: AbortSignal[] = [];
  if (signal !== undefined) signals.push(signal);
  if (parent !== undefined) {
    const { signal: inherited } = parent;
    checkOption('A call: the signal of its parent', inherited, anAbortSignal);
    signals.push(inherited);
  }
  const dates = [deadline, parent?.deadline].flatMap((date) => date?.getTime() ?? []);
  const untilDate = dates.length === 0 ? Infinity : Math.min(...dates) - wallNow();
  return {
    deadline: now + Math.min(own, untilDate),
    signals,
    wait: waitForConnect,
    meta: meta === undefined ? undefined : encodeCheckedMeta(meta, maxMetaBytes),
  };
}

/**
 * Checks the options of a function that has `own` ones, and passes the others to a call, so that the error for an
 * unknown one names both. @throws ConfigurationError
 */
export function checkOwnOptions(options: object, own: readonly string[], of: string): void {
  const rules: Record<string, Rule> = {};
  for (const name of own) rules[name] = anyValue;
  checkOptions(options, { ...rules, ...callRules }, { of });
}

/** `of` names the options in errors. @throws ConfigurationError for an unknown option, and for one that cannot work. */
export function checkCallOptions(options: CallOptions, of = 'A call'): void {
  checkOptions(options, callRules, { of });
}

/**
 * Encodes metadata; undefined where there is none in it.
 *
 * @throws ConfigurationError where it has something else than texts, or control characters.
 * @throws LimitError where it is larger than `maxMetaBytes`.
 */
export function encodeCheckedMeta(meta: Meta, maxMetaBytes: number): Uint8Array | undefined {
  // What was checked is what is encoded: a getter may return something else each time, and that would break the frame.
  const checked = Object.fromEntries(Object.entries(meta));
  const fault = metaFault(checked);
  if (fault !== undefined) throw new ConfigurationError(`A call cannot carry its metadata: ${fault}.`);
  const encoded = encodeMeta(checked);
  if (encoded.length > maxMetaBytes) {
    throw new LimitError(
      `The metadata of a call has ${String(encoded.length)} bytes, and maxMetaBytes is ${String(maxMetaBytes)}. Send less, or put it into the request.`,
      'maxMetaBytes',
    );
  }
  // An empty map has one byte.
  return encoded.length === 1 ? undefined : encoded;
}

/** What {@link onAbort} returns. */
export interface AbortWatch {
  /** True where a signal has aborted already, or cannot be listened to: `abort` is called on a macrotask. */
  readonly aborted: boolean;
  /** Stops listening. */
  readonly stop: () => void;
}

/**
 * Calls `abort` once, when the first of the signals aborts. Signals may be objects of the user: where one throws when
 * it is asked or listened to, `abort` is called with that error. Nothing is thrown, because a call that failed within
 * `subscribe` would make retry() overflow the stack.
 */
export function onAbort(
  signals: readonly AbortSignal[],
  runtime: Runtime,
  abort: (reason: unknown) => void,
): AbortWatch {
  const stops: (() => void)[] = [];
  const stop = (): void => {
    for (const stopListening of stops) stopListening();
  };
  const abortSoon = (reason: unknown): AbortWatch => {
    stop();
    const cancel = runtime.schedule(() => {
      abort(reason);
    }, 0);
    return { aborted: true, stop: cancel };
  };
  try {
    for (const signal of signals) {
      if (signal.aborted) return abortSoon(abortReason(signal));
      const listener = (): void => {
        stop();
        abort(abortReason(signal));
      };
      stops.push(whenAborted(signal, listener));
    }
  } catch (error) {
    return abortSoon(error);
  }
  return { aborted: false, stop };
}
