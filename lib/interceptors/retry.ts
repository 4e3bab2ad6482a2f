import { defer, retry as repeatOnError, tap, throwError } from 'rxjs';
import { untilOf } from '../contract/deadline-date.js';
import type { CallInterceptor, OutgoingCall } from '../contract/interceptor.js';
import { checkRetryOptions, type RetryOptions } from '../contract/route-defaults.js';
import { GridError } from '../errors.js';
import { after } from './later.js';

/**
 * Makes calls again that failed, where that is safe and may help: the error is `retryable`, and no handler has begun to
 * work on the call (`sent: false`) or its route is declared `idempotent`. A stream is only repeated before its first
 * item, and one with an input only where nothing was sent.
 *
 * The pause before an attempt is a random part of `backoff`, doubled with each attempt: so callers that failed together
 * do not call again together. All calls that share the interceptor have a budget: retries are at most a tenth of the
 * calls, and ten more at once. So a host that is down, or overloaded, does not get several times as many calls. Where
 * the deadline would pass in the pause, the error comes at once.
 *
 * Each attempt passes the interceptors behind this one. The error of the last attempt is passed on.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 */
export function retry(options: RetryOptions = {}): CallInterceptor {
  checkRetryOptions(options, 'retry');
  const { attempts = 3, budget = 0.1, burst = 10, backoff = 50, maxBackoff = 1_000 } = options;
  const shared = new Budget(budget, burst);
  const pause = (call: OutgoingCall, attempt: number): number =>
    call.runtime.random() * Math.min(maxBackoff, backoff * 2 ** (attempt - 1));
  // The pause before the next attempt, in ms; undefined: there is none.
  const decide = (call: OutgoingCall, until: number, error: unknown, attempt: number): number | undefined => {
    if (attempt >= attempts || !mayRepeat(call, error)) return undefined;
    const ms = pause(call, attempt);
    const late = call.runtime.now() + ms >= until;
    return !late && shared.withdraw() ? ms : undefined;
  };
  return (call, next) =>
    defer(() => {
      shared.deposit();
      // Before the first attempt: the wall clock may be set later.
      const until = call.deadline === undefined ? Infinity : untilOf(call.deadline, call.runtime);
      let received = false;
      return defer(() => next(call)).pipe(
        tap(() => {
          received = true;
        }),
        repeatOnError({
          delay: (error: unknown, attempt) => {
            const ms = received ? undefined : decide(call, until, error, attempt);
            return ms === undefined ? throwError(() => error) : after(call.runtime, ms);
          },
        }),
      );
    });
}

function mayRepeat(call: OutgoingCall, error: unknown): boolean {
  if (!(error instanceof GridError) || !error.retryable) return false;
  // An error of another call, which came through the input or an interceptor, says nothing about this one.
  const ofThis = error.route === undefined || error.route === call.route.name;
  return (ofThis && !error.sent) || (call.route.idempotent && !call.hasInput);
}

/** Bounds retries by the number of calls. */
class Budget {
  readonly #share: number;
  readonly #max: number;
  #tokens: number;

  constructor(share: number, burst: number) {
    this.#share = share;
    // A share that never adds up to a whole retry would be none.
    this.#max = Math.max(burst, share > 0 ? 1 : 0);
    this.#tokens = burst;
  }

  deposit(): void {
    this.#tokens = Math.min(this.#max, this.#tokens + this.#share);
  }

  withdraw(): boolean {
    // The sum of ten tenths is a little less than 1.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens -= 1;
    return true;
  }
}
