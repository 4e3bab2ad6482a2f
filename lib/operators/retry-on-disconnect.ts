import { concat, defer, isObservable, retry, throwError, type MonoTypeOperatorFunction } from 'rxjs';
import { checkOptions, either, oneOf, whole } from '../check.js';
import { DisconnectedError } from '../errors.js';

/** Options of {@link retryOnDisconnect}. */
export interface RetryOnDisconnectOptions {
  /** Maximum number of consecutive retries before the error is passed on. Default: unlimited. */
  readonly count?: number;
  /** True: each item resets the count. Default true. */
  readonly resetOnSuccess?: boolean;
  /**
   * True: repeat the call even if the other side may have received it. False: never do that. Default: as declared by
   * the route of the call.
   */
  readonly idempotent?: boolean;
}

const retryRules = {
  count: either(whole(0), oneOf(Infinity)),
  resetOnSuccess: oneOf(true, false),
  idempotent: oneOf(true, false),
};

/**
 * Repeats a call that failed because there was no connection, or because it was lost, once there is a connection again.
 *
 * It does so only if that is safe: nothing of the call was sent, the route is declared `idempotent`, or the option
 * allows it. Otherwise the original error is passed on, as is any other error. Where nothing tries to connect any more,
 * because the connection is closed permanently or the other side refuses it (the state `refused`), the call fails with
 * an error that says so, at once or as soon as that is known.
 *
 * A stream starts again from the beginning. To resume it, pass its payload as a function, which is called for each
 * subscription.
 *
 * @throws ConfigurationError for an unknown or invalid option.
 *
 * @example
 * host2
 *   .stream(watch, () => ({ since: last }))
 *   .pipe(retryOnDisconnect({ idempotent: true }), tap(({ at }) => (last = at)));
 */
export function retryOnDisconnect<T>(options: RetryOnDisconnectOptions = {}): MonoTypeOperatorFunction<T> {
  checkOptions(options, retryRules, { of: 'retryOnDisconnect' });
  const { count = Infinity, resetOnSuccess = true, idempotent } = options;
  return retry({
    count,
    resetOnSuccess,
    delay: (error: unknown) => {
      const original = throwError(() => error);
      if (!(error instanceof DisconnectedError) || !isObservable(error.reconnected)) return original;
      if (!error.retryable) return original;
      if (error.sent && !(idempotent ?? error.idempotent)) return original;
      // `reconnected` completes without a value if nothing tries to connect any more. `retry` takes one value.
      return concat(
        error.reconnected,
        defer(() => throwError(() => error.current)),
      );
    },
  });
}
