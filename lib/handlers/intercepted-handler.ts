/**
 * A handler behind its interceptors.
 *
 *     call ──▶ first interceptor ──next──▶ … ──next──▶ the handler, when `next` is subscribed to
 *     caller ◀── result ◀──┘
 */

import { EMPTY, isObservable, Observable, of, tap, type Subscriber } from 'rxjs';
import { anObject, checkOptions, type Rule } from '../check.js';
import { isRegionItem } from '../codec/region-item.js';
import { isThenable } from '../contract/handler.js';
import { anAbortSignal, validDate } from '../contract/options.js';
import { isRelay } from '../contract/relayed-route.js';
import { intercept, type HandlerInterceptor, type IncomingCall } from '../contract/interceptor.js';
import type { WireRoute } from '../contract/wire-route.js';
import { CancelledError, HandlerError } from '../errors.js';
import { isFeedSource } from '../flow/feed/feed.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import { pulled, pulledAsync } from '../flow/pull/pulled.js';
import { guarded, type OnThrown } from '../guard.js';
import type { CallContext } from './call-context.js';

/** A handler as dispatch runs it. */
export type RunHandler = (request: unknown, call: CallContext<unknown>) => unknown;

/** Takes what a handler throws when its caller does not wait for it any more. */
export type ReportLate = (error: unknown, call: CallContext<unknown>) => void;

/** Puts interceptors around a handler. Without any, it is the handler itself. */
export function interceptedHandler(
  route: WireRoute,
  handler: RunHandler,
  interceptors: readonly HandlerInterceptor[],
  reportLate: ReportLate,
): RunHandler {
  const ownWork = !isRelay(route.handler);
  if (interceptors.length === 0) {
    return (request, call) => {
      call.handlerBegan = ownWork;
      return handler(request, call);
    };
  }
  return (request, call) => {
    const incoming: IncomingCall = {
      side: 'handler',
      route: route.info,
      kind: route.kind,
      request,
      meta: call.meta,
      deadline: call.deadline,
      runtime: call.runtime,
      caller: call.caller,
      callerKind: call.callerKind,
      // Made where it is read: an AbortSignal costs more than the rest of an intercepted call.
      get signal() {
        return call.signal;
      },
      connection: (host) => call.connection(host),
    };
    return intercept(interceptors, incoming, (passed) =>
      invocation(route, handler, call, { incoming, passed }, reportLate),
    );
  };
}

// Cold: each subscription runs the handler, and unsubscribing aborts its signal.
function invocation(
  route: WireRoute,
  handler: RunHandler,
  call: CallContext<unknown>,
  { incoming, passed }: { readonly incoming: IncomingCall; readonly passed: IncomingCall },
  reportLate: ReportLate,
): Observable<unknown> {
  return new Observable((subscriber) => {
    if (passed !== incoming) checkPassed(route, passed);
    const own = call.derive(passed, incoming);
    let ended = false;
    subscriber.add(() => {
      own.stopListening();
      if (!ended) own.abort(new CancelledError(`${route.name}: an interceptor has cancelled the handler.`));
    });
    const end = (): void => {
      ended = true;
    };
    const onLate: OnThrown = (error) => {
      if (!own.isAbort(error)) reportLate(error, call);
    };
    let result: unknown;
    call.handlerBegan ||= !isRelay(route.handler);
    try {
      result = handler(passed.request, own);
    } catch (error) {
      end();
      subscriber.error(error);
      return;
    }
    const source = isThenable(result)
      ? promised(result, call, onLate, (value) => itemsOf(route, value, call, onLate))
      : itemsOf(route, result, call, onLate);
    source.pipe(tap({ error: end, complete: end })).subscribe(subscriber);
  });
}

const passedRules: Readonly<Record<string, Rule>> = { meta: anObject, deadline: validDate, signal: anAbortSignal };

// @throws ConfigurationError for what a handler cannot be called with.
function checkPassed(route: WireRoute, { meta, deadline, signal }: IncomingCall): void {
  checkOptions({ meta, deadline, signal }, passedRules, {
    of: `${route.name}: the call that its interceptors pass on`,
  });
}

// A Promise of what a handler returns. It counts as running until it settles, also after the call has ended.
function promised(
  result: PromiseLike<unknown>,
  call: CallContext<unknown>,
  onLate: OnThrown,
  then: (value: unknown) => Observable<unknown>,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const settled = Promise.resolve(result).then(
      (value) => {
        call.ranUntil(undefined);
        // Also where the call has ended: an iterator may need to clean up.
        guarded(onLate, () => {
          then(value).subscribe(subscriber);
        });
      },
      (error: unknown) => {
        call.ranUntil(undefined);
        if (subscriber.closed) onLate(error);
        else subscriber.error(error);
      },
    );
    call.ranUntil(settled);
  });
}

function itemsOf(route: WireRoute, result: unknown, call: CallContext<unknown>, onLate: OnThrown): Observable<unknown> {
  // Wrapped, so that only `subscribe` of the result is called: its `pipe` or `lift` may be overridden.
  if (isObservable(result)) return new Observable((subscriber) => result.subscribe(subscriber));
  if (route.kind === 'unary') return of(result);
  if (result === undefined && !route.hasOutput) return EMPTY;
  if (route.regionOutput !== undefined && isRegionItem(result)) return of(result);
  if (!isFeedSource(result) || isObservable(result)) {
    const text = `${route.name}: a stream handler must return an Observable, an iterable, an async iterable, or a Promise of one of these.${foreignObservableHint(result)}`;
    return new Observable((subscriber: Subscriber<unknown>) => {
      subscriber.error(new HandlerError(text));
    });
  }
  return Symbol.asyncIterator in result
    ? pulledAsync(() => watched(result[Symbol.asyncIterator](), call), 1, onLate)
    : pulled(() => result[Symbol.iterator](), 1, onLate);
}

// A generator that is stopped runs on until it comes to its end.
function watched(iterator: AsyncIterator<unknown>, call: CallContext<unknown>): AsyncIterator<unknown> {
  return {
    next: () => iterator.next(),
    return: async () => {
      const returned = Promise.resolve(iterator.return?.());
      // The failure is reported by who stops it.
      call.ranUntil(returned.catch(() => undefined));
      await returned;
      return { done: true, value: undefined };
    },
  };
}
