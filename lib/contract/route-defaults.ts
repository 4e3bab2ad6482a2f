import { anyMs, anObject, checkOptions, either, oneOf, whole, type Rule } from '../check.js';

/** How calls are repeated. See the interceptor `retry`. */
export interface RetryOptions {
  /** Attempts in all, the first one included. Default 3. */
  readonly attempts?: number;
  /** Retries for each call, on average, over all calls that share the interceptor. Default 0.1, which is 10 %. */
  readonly budget?: number;
  /** Retries beyond the budget that may be made at once, so that a few calls can be repeated too. Default 10. */
  readonly burst?: number;
  /** The longest pause before the second attempt, in ms; it doubles with each attempt. Default 50. */
  readonly backoff?: number;
  /** The longest pause before any attempt, in ms. Default 1 000. */
  readonly maxBackoff?: number;
}

/** What all calls of a route use where they do not say otherwise. */
export interface RouteDefaults {
  /** Time allowed for the whole call, in ms: see `CallOptions.timeout`. */
  readonly timeout?: number;
  /** What to do while there is no connection: see `CallOptions.waitForConnect`. */
  readonly waitForConnect?: boolean | number;
  /** Repeats calls that may be repeated, as the interceptor `retry` does behind all others. Default: none is. */
  readonly retry?: RetryOptions;
}

/** What `waitForConnect` may be. */
export const waitForConnectRule: Rule = either(oneOf(true, false), {
  expected: 'a number of ms, 0 or more',
  accepts: (value) => typeof value === 'number' && value >= 0,
});

/** What the defaults of a route may be. */
export const routeDefaultsRules: Readonly<Record<keyof RouteDefaults, Rule>> = {
  timeout: anyMs,
  waitForConnect: waitForConnectRule,
  retry: anObject,
};

const share: Rule = {
  expected: 'a number from 0 to 1',
  accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1,
};

const retryRules: Readonly<Record<keyof RetryOptions, Rule>> = {
  attempts: whole(1, 100),
  budget: share,
  burst: whole(0, 1_000_000),
  backoff: whole(0, 0x7fff_ffff, 'ms'),
  maxBackoff: whole(0, 0x7fff_ffff, 'ms'),
};

/** @throws ConfigurationError for an option that is unknown or cannot work. */
export function checkRetryOptions(options: RetryOptions, of: string): void {
  checkOptions(options, retryRules, { of });
}
