import { Observable } from 'rxjs';
import { anyMs, checkOption, checkOptions, oneOf } from '../check.js';
import { dateOf, untilOf } from '../contract/deadline-date.js';
import type { AnyInterceptor, IncomingCall, Next, OutgoingCall } from '../contract/interceptor.js';
import { DeadlineExceededError } from '../errors.js';

/** Options of {@link timeout}. */
export interface TimeoutOptions {
  /** True: streams have the timeout too, for the whole of each. Default false: unary calls alone. */
  readonly streams?: boolean;
}

/**
 * Bounds the time of calls. At the caller it moves the deadline forward, which goes to the other side with the call;
 * behind `retry` it bounds each attempt. At the handler's side it stops the handler, whose `call.signal` aborts, and
 * the caller gets `deadline-exceeded`.
 *
 * @param ms - Time for the call, in ms.
 * @throws ConfigurationError for an option that is unknown or cannot work.
 */
export function timeout(ms: number, options: TimeoutOptions = {}): AnyInterceptor {
  checkOption('timeout', ms, anyMs);
  checkOptions(options, { streams: oneOf(true, false) }, { of: 'timeout' });
  const { streams = false } = options;
  return (call, next) => {
    if (ms === Infinity || (call.kind === 'duplex' && !streams)) return next(call);
    return call.side === 'caller' ? next(withEarlierDeadline(call, ms)) : stopAfter(call, next, ms);
  };
}

function withEarlierDeadline<C extends OutgoingCall | IncomingCall>(call: C, ms: number): C {
  const { deadline, runtime } = call;
  const latest = runtime.now() + ms;
  const earlier = deadline !== undefined && untilOf(deadline, runtime) <= latest;
  return earlier ? call : { ...call, deadline: dateOf(latest, runtime) };
}

function stopAfter<C extends OutgoingCall | IncomingCall>(call: C, next: Next<C>, ms: number): Observable<unknown> {
  return new Observable((subscriber) => {
    const { name } = call.route;
    subscriber.add(
      call.runtime.schedule(() => {
        const text = `${name}: the handler took longer than its timeout of ${String(ms)} ms.`;
        subscriber.error(new DeadlineExceededError(text));
      }, ms),
    );
    return next(withEarlierDeadline(call, ms)).subscribe(subscriber);
  });
}
