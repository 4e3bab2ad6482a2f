import { Observable, tap } from 'rxjs';
import { aFunction, checkOption } from '../check.js';
import type { AnyInterceptor } from '../contract/interceptor.js';
import { errorInfo, type ErrorInfo } from '../error-info.js';
import { guarded } from '../guard.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { printable } from '../printable.js';

/** What became of one call. */
export interface CallRecord {
  readonly side: 'caller' | 'handler';
  /** Name of the route. */
  readonly route: string;
  /** Host that is called, or name of the caller. */
  readonly peer: string;
  /** `cancelled`: unsubscribed before the end. */
  readonly outcome: 'ok' | 'failed' | 'cancelled';
  /** The error of a call that failed. */
  readonly error?: ErrorInfo;
  /** Items that came: 1 for a unary call that succeeded. */
  readonly items: number;
  /** From the beginning to the end, in ms. */
  readonly ms: number;
}

/**
 * Gives a record of each call at its end to `write`, such as a function of your logger. Texts of the other side are
 * made printable: they cannot break a line, or act on a terminal. What `write` throws is reported as unhandled, and
 * harms no call.
 *
 * @throws ConfigurationError where `write` is no function.
 *
 * @example
 * new Manager({ …, intercept: { calls: [log((record) => logger.info(record))] } });
 */
export function log(write: (record: CallRecord) => void): AnyInterceptor {
  checkOption('log', write, aFunction('takes the record of a call'));
  return (call, next) =>
    new Observable((subscriber) => {
      const began = call.runtime.now();
      let items = 0;
      let ended = false;
      const end = (outcome: CallRecord['outcome'], error?: unknown): void => {
        if (ended) return;
        ended = true;
        const record: CallRecord = {
          side: call.side,
          route: call.route.name,
          peer: printable(call.side === 'caller' ? call.host : call.caller),
          outcome,
          items,
          ms: call.runtime.now() - began,
          ...(error === undefined ? {} : { error: errorInfo(error) }),
        };
        guarded(reportUnhandled, () => {
          write(record);
        });
      };
      subscriber.add(() => {
        end('cancelled');
      });
      return next(call)
        .pipe(
          tap({
            next: () => {
              items++;
            },
            error: (error: unknown) => {
              end('failed', error);
            },
            complete: () => {
              end('ok');
            },
          }),
        )
        .subscribe(subscriber);
    });
}
