import { concat, isObservable, retry, throwError, type MonoTypeOperatorFunction } from 'rxjs';
import { checkOptions, either, oneOf, whole } from '../check.js';
import { DisconnectedError } from '../errors.js';

/** Options of {@link retryOnDisconnect}. */
export interface RetryOnDisconnectOptions {
  /** How often to call again, in a row, before the error is passed on. Default: without end. */
  readonly count?: number;
  /** True: an item that comes begins the count anew. Default true. */
  readonly resetOnSuccess?: boolean;
  /**
   * True: to call again does no harm, even where the other side may have got the call. False: never do that. Default: as
   * the route of the call declares it.
   */
  readonly idempotent?: boolean;
}

const retryRules = {
  count: either(whole(0), oneOf(Infinity)),
  resetOnSuccess: oneOf(true, false),
  idempotent: oneOf(true, false),
};

/**
 * Calls again when the connection is back, after it was lost or while it was not there.
 *
 * Only where that is safe: nothing of the call was sent, or the route is declared `idempotent`, or the option says so.
 * Otherwise the original error is passed on; so are any other error, and the loss of a connection that never comes back.
 *
 * A stream starts again from its beginning. To go on where it was, give its payload as a function: it is called for each
 * subscription.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 *
 * @example
 * host2.stream(watch, () => ({ since: last })).pipe(retryOnDisconnect({ idempotent: true }), tap(({ at }) => (last = at)));
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
      if (error.sent && !(idempotent ?? error.idempotent)) return original;
      // It completes without a value where the connection is closed for good. `retry` takes one value of it.
      return concat(error.reconnected, original);
    },
  });
}
