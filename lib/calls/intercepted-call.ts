/**
 * One call that passes interceptors.
 *
 *     subscribe ──▶ first interceptor ──next──▶ … ──next──▶ the call itself
 *        ▲               │
 *        └── result ◀────┘     also: the deadline of the call, and its signal, whatever the interceptors do meanwhile
 */

import type { Observable } from 'rxjs';
import { type Subscriber } from 'rxjs';
import { maxTimerMs } from '../check.js';
import { intercept, namesOf, type CallInterceptor, type OutgoingCall } from '../contract/interceptor.js';
import { onAbort, type ResolvedOptions } from '../contract/options.js';
import type { WireRoute } from '../contract/wire-route.js';
import { completeError, DeadlineExceededError, InterceptorError } from '../errors.js';
import { subscriberOf } from '../flow/subscriber.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import type { Runtime } from '../runtime.js';

/** Time in ms that the call itself has to fail with its own error, which knows more, when its deadline has passed. */
const slackMs = 50;

/** What an intercepted call is made of. */
export interface InterceptedCallOptions {
  readonly runtime: Runtime;
  readonly route: WireRoute;
  readonly interceptors: readonly CallInterceptor[];
  readonly call: OutgoingCall;
  /** Options of the call before any interceptor. */
  readonly resolved: ResolvedOptions;
  /** Makes the call itself. */
  readonly last: (call: OutgoingCall) => Observable<unknown>;
}

/** Makes the call and gives what the interceptors make of it. What an interceptor throws fails the call. */
export function startIntercepted(options: InterceptedCallOptions, subscriber: Subscriber<unknown>): void {
  const { runtime, route, interceptors, call, resolved, last } = options;
  const failSoon = (error: unknown): void => {
    // On a macrotask: a failure within `subscribe` makes retry() overflow the stack.
    subscriber.add(
      runtime.schedule(() => {
        failNow(subscriber, error);
      }, 0),
    );
  };
  watchDeadline(options, subscriber);
  if (resolved.signals.length > 0) {
    // The call itself fails with the reason, and its interceptors see that. This is for those that have not come to it.
    subscriber.add(onAbort(resolved.signals, runtime, failSoon).stop);
  }
  let result: Observable<unknown>;
  try {
    result = intercept(interceptors, call, last);
  } catch (error) {
    failSoon(error);
    return;
  }
  if (route.kind === 'duplex') result.subscribe(subscriber);
  else takeResponse(result, subscriber, failSoon, `${route.name}: the interceptors (${namesOf(interceptors)})`);
}

function watchDeadline(
  { runtime, route, call, resolved: { deadline } }: InterceptedCallOptions,
  to: Subscriber<unknown>,
): void {
  if (deadline === Infinity) return;
  const left = Math.max(0, deadline - runtime.now()) + slackMs;
  if (left > maxTimerMs) return;
  const { host } = call;
  to.add(
    runtime.schedule(() => {
      const text = `The deadline of ${route.name} passed while its interceptors had not finished.`;
      failNow(to, completeError(new DeadlineExceededError(text), { host, route: route.name }));
    }, left),
  );
}

// From a timer, out of which nothing must be thrown.
function failNow(subscriber: Subscriber<unknown>, error: unknown): void {
  guarded(reportUnhandled, () => {
    subscriber.error(error);
  });
}

// Of a unary call there is one response, and then the end. `failSoon`: fails the call while it is being subscribed to.
function takeResponse(
  result: Observable<unknown>,
  subscriber: Subscriber<unknown>,
  failSoon: (error: unknown) => void,
  what: string,
): void {
  let response: { readonly value: unknown } | undefined;
  let starting = true;
  const fail = (error: unknown): void => {
    inner.unsubscribe();
    if (starting) failSoon(error);
    else subscriber.error(error);
  };
  const inner = subscriberOf<unknown>({
    next: (value) => {
      if (response === undefined) response = { value };
      else fail(new InterceptorError(`${what} emitted two responses for a unary call. Use take(1), or last().`));
    },
    error: fail,
    complete: () => {
      if (response === undefined) {
        fail(
          new InterceptorError(
            `${what} completed without a response to a unary call. Use defaultIfEmpty(…), or throw an error.`,
          ),
        );
        return;
      }
      // Guarded separately: an observer that throws in `next` must still receive `complete`.
      guarded(reportUnhandled, () => {
        subscriber.next(response!.value);
      });
      guarded(reportUnhandled, () => {
        subscriber.complete();
      });
    },
  });
  subscriber.add(inner);
  result.subscribe(inner);
  starting = false;
}
