import { Observable, type Subscriber } from 'rxjs';
import { untilOf } from '../contract/deadline-date.js';
import type { CallInterceptor, OutgoingCall } from '../contract/interceptor.js';
import type { Call } from '../contract/handler.js';
import { checkCallOptions, encodeCheckedMeta, type CallOptions, type ResolvedOptions } from '../contract/options.js';
import { errorOfCall } from '../contract/route-errors.js';
import type { WireRoute } from '../contract/wire-route.js';
import { CallObservable } from '../flow/call-observable.js';
import { InterceptedItems } from '../flow/intercepted-items.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { noMeta } from '../wire/payloads/opening-extra.js';
import { startIntercepted } from './intercepted-call.js';
import type { StreamCallerContext } from './stream-call.js';

/** A call before its interceptors run. Each subscription makes one attempt of it. */
export interface UserCall {
  readonly route: WireRoute;
  readonly interceptors: readonly CallInterceptor[];
  readonly hasInput: boolean;
  readonly options: CallOptions | undefined;
  readonly parent: Call<unknown> | undefined;
  /** The request. @throws whatever the user's function throws. */
  request(): unknown;
  /** @throws ConfigurationError or LimitError for options that cannot work. */
  resolve(): ResolvedOptions;
}

/** Makes the call itself, with the payload and options that the interceptors leave. */
export type MakeCall = (payload: Uint8Array, resolved: ResolvedOptions) => Observable<unknown>;

/** The response of a unary call behind its interceptors. */
export function interceptedResponse(context: StreamCallerContext, call: UserCall, make: MakeCall): Observable<unknown> {
  return new Observable((subscriber) => {
    start(context, call, make, subscriber);
  });
}

/** The items of a stream behind its interceptors. */
export function interceptedItems<T>(context: StreamCallerContext, call: UserCall, make: MakeCall): CallObservable<T> {
  return new CallObservable<T>((attach) => {
    attach(
      new InterceptedItems<T>(
        (subscriber) => {
          start(context, call, make, subscriber);
        },
        call.route.name,
        context.report,
      ),
    );
    // The subscriber has everything that is to be stopped.
    return undefined;
  });
}

function start(context: StreamCallerContext, call: UserCall, make: MakeCall, subscriber: Subscriber<unknown>): void {
  const { runtime } = context;
  const { route, interceptors } = call;
  let resolved: ResolvedOptions;
  let outgoing: OutgoingCall;
  try {
    const request = call.request();
    resolved = call.resolve();
    outgoing = outgoingCall(context, call, request, resolved);
  } catch (error) {
    subscriber.add(failSoon(context, route, error, subscriber));
    return;
  }
  const last = (passed: OutgoingCall): Observable<unknown> =>
    new Observable((inner) => {
      let made: Observable<unknown>;
      try {
        const changed = resolvePassed(context, passed, outgoing, resolved);
        made = make(route.request.encode(passed.request), changed);
      } catch (error) {
        return failSoon(context, route, error, inner);
      }
      return made.subscribe(inner);
    });
  startIntercepted({ runtime, route, interceptors, call: outgoing, resolved, last }, subscriber);
}

function outgoingCall(
  { runtime, connection, limits }: StreamCallerContext,
  { route, options, parent, hasInput }: UserCall,
  request: unknown,
  { deadline, wait }: ResolvedOptions,
): OutgoingCall {
  return {
    side: 'caller',
    route: route.info,
    kind: route.kind,
    host: connection.host,
    request,
    meta: options?.meta ?? noMeta,
    deadline: deadline === Infinity ? undefined : new Date(runtime.wallNow() + deadline - runtime.now()),
    signal: options?.signal,
    waitForConnect: wait,
    parent: options?.parent ?? parent,
    hasInput,
    maxMetaBytes: limits.maxMetaBytes,
    runtime,
  };
}

// @throws ConfigurationError or LimitError where an interceptor passes on what cannot work.
function resolvePassed(
  { runtime, limits }: StreamCallerContext,
  passed: OutgoingCall,
  original: OutgoingCall,
  resolved: ResolvedOptions,
): ResolvedOptions {
  if (passed === original) return resolved;
  const { deadline, signal, waitForConnect, meta = noMeta, parent } = passed as Partial<OutgoingCall>;
  checkCallOptions(
    {
      meta,
      ...(deadline === undefined ? {} : { deadline }),
      ...(signal === undefined ? {} : { signal }),
      ...(waitForConnect === undefined ? {} : { waitForConnect }),
      ...(parent === undefined ? {} : { parent }),
    },
    `${original.route.name}: the call that its interceptors pass on`,
  );
  return {
    // An untouched deadline is exact; as a date it has whole milliseconds.
    deadline:
      deadline === original.deadline
        ? resolved.deadline
        : deadline === undefined
          ? Infinity
          : untilOf(deadline, runtime),
    signals: [signal, parent?.signal].filter((each) => each !== undefined),
    wait: waitForConnect,
    meta: meta === original.meta ? resolved.meta : encodeCheckedMeta(meta, limits.maxMetaBytes),
  };
}

// On a macrotask: an error within `subscribe` makes retry() overflow the stack.
function failSoon(
  { runtime, connection }: StreamCallerContext,
  route: WireRoute,
  error: unknown,
  subscriber: Subscriber<unknown>,
): () => void {
  return runtime.schedule(() => {
    guarded(reportUnhandled, () => {
      subscriber.error(errorOfCall(route, connection.host, error, false));
    });
  }, 0);
}
