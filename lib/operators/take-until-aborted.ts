import { Observable, takeUntil, type MonoTypeOperatorFunction } from 'rxjs';
import { checkOption, withMethods } from '../check.js';
import { abortReason, whenAborted } from '../flow/when-aborted.js';

const aSignal = withMethods('an AbortSignal', 'addEventListener');

/**
 * Mirrors the source until the signal aborts, and then errors with `signal.reason`. If the signal has aborted already,
 * the source is not subscribed to.
 *
 * @throws ConfigurationError for anything but an AbortSignal.
 *
 * @example
 * host2.stream(watch, {}).pipe(takeUntilAborted(AbortSignal.timeout(5_000))).subscribe(show);
 */
export function takeUntilAborted<T>(signal: AbortSignal): MonoTypeOperatorFunction<T> {
  checkOption('takeUntilAborted: the signal', signal, aSignal);
  return takeUntil(
    new Observable<never>((subscriber) => {
      const abort = (): void => {
        subscriber.error(abortReason(signal));
      };
      if (signal.aborted) {
        abort();
        return undefined;
      }
      return whenAborted(signal, abort);
    }),
  );
}
