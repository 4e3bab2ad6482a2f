import type { Observable } from 'rxjs';
import { isObservable } from 'rxjs';
import type { Rule } from '../check.js';
import { InterceptorError } from '../errors.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import type { Runtime } from '../runtime.js';
import type { Meta } from '../wire/payloads/opening-extra.js';
import type { Connection } from './connection.js';
import type { Call } from './handler.js';

/** A route, as interceptors see it. */
export interface RouteInfo {
  /** Name of the route, with its subroute: `diskInfo`, `diskInfo/disk1`. */
  readonly name: string;
  readonly kind: 'unary' | 'duplex';
  /** Handler id; undefined for a route that is addressed by its name. */
  readonly id: number | undefined;
  readonly subroute: string | undefined;
  /** True where calling twice does no harm. */
  readonly idempotent: boolean;
  /** Codes of the errors that the contract names. */
  readonly errors: readonly string[];
}

interface InterceptedCall {
  readonly route: RouteInfo;
  readonly kind: 'unary' | 'duplex';
  /** The request: what the caller sends, what the handler gets. */
  readonly request: unknown;
  /** Metadata: what the caller gives, what the handler sees. */
  readonly meta: Meta;
  /** When the call ends at the latest, by the wall clock of this process. Undefined: there is no deadline. */
  readonly deadline: Date | undefined;
  /** The clocks, timers and randomness of this process: an interceptor that uses them works on virtual time, too. */
  readonly runtime: Runtime;
}

/** A call that this process makes, as its interceptors see it. */
export interface OutgoingCall extends InterceptedCall {
  readonly side: 'caller';
  /** Host at the other end. */
  readonly host: string;
  /** Aborting it cancels the call. */
  readonly signal: AbortSignal | undefined;
  /** See `CallOptions.waitForConnect`. */
  readonly waitForConnect: boolean | number | undefined;
  /** The call that a handler serves and on whose behalf this one is made. Its metadata is not inherited. */
  readonly parent: Call<unknown> | undefined;
  /** The items of the input are sent: the call is an exchange, or an open stream. */
  readonly hasInput: boolean;
  /** Bytes that the metadata may have, encoded: the limit of this process. */
  readonly maxMetaBytes: number;
}

/** A call that a handler of this process serves, as its interceptors see it. */
export interface IncomingCall extends InterceptedCall {
  readonly side: 'handler';
  /** Name of the calling host, or the identity of the leaf. */
  readonly caller: string;
  readonly callerKind: 'host' | 'leaf';
  /** Aborts when the result is no longer needed. */
  readonly signal: AbortSignal;
  /** The connection to a host, for calls on behalf of this one. */
  connection(host: string): Connection;
}

/** What an interceptor passes the call on to: the next interceptor, and after the last one the call itself. */
export type Next<C> = (call: C) => Observable<unknown>;

/**
 * A function around a call. It passes the call on with `next`, changed or not, and returns what its caller gets: the
 * Observable of `next` with its operators, or another one. What `next` returns is cold: subscribing makes the call, or
 * runs the handler; unsubscribing cancels it; subscribing again makes it again. Credit follows the consumer through
 * operators that pass items on synchronously.
 *
 * @example
 * const addTenant: CallInterceptor = (call, next) => next({ ...call, meta: { ...call.meta, tenant: 'a' } });
 */
export type Interceptor<C> = (call: C, next: Next<C>) => Observable<unknown>;

/** An {@link Interceptor} of the calls that this process makes. */
export type CallInterceptor = Interceptor<OutgoingCall>;

/** An {@link Interceptor} of the calls that the handlers of this process serve. */
export type HandlerInterceptor = Interceptor<IncomingCall>;

/** An {@link Interceptor} for either side. */
export type AnyInterceptor = <C extends OutgoingCall | IncomingCall>(call: C, next: Next<C>) => Observable<unknown>;

/** What a list of interceptors may be. */
export const listOfInterceptors: Rule = {
  expected: 'a list of interceptors, such as [(call, next) => next(call)]',
  accepts: (value) => Array.isArray(value) && value.every((each) => typeof each === 'function'),
};

/** The interceptors of an endpoint, each list in the order in which they see a call. */
export interface InterceptOptions {
  readonly calls?: readonly CallInterceptor[];
  readonly handlers?: readonly HandlerInterceptor[];
}

/**
 * Passes a call through interceptors to `last`. The result is what the first of them returns; nothing is subscribed to.
 *
 * @throws InterceptorError where an interceptor returns no Observable, and whatever an interceptor throws.
 */
export function intercept<C extends InterceptedCall>(
  interceptors: readonly Interceptor<C>[],
  call: C,
  last: Next<C>,
  from = 0,
): Observable<unknown> {
  const interceptor = interceptors[from];
  if (interceptor === undefined) return last(call);
  const next: Next<C> = (passed) => {
    if (typeof passed === 'object' && (passed as unknown) !== null)
      return intercept(interceptors, passed, last, from + 1);
    throw new InterceptorError(
      `${call.route.name}: the interceptor ${nameOf(interceptor)} called next without a call.`,
    );
  };
  const result: unknown = interceptor(call, next);
  if (isObservable(result)) return result;
  throw new InterceptorError(
    `${call.route.name}: the interceptor ${nameOf(interceptor)} returned no Observable. Return next(call), with operators.${foreignObservableHint(result)}`,
  );
}

/** Names interceptors in an error. */
export function namesOf(interceptors: readonly unknown[]): string {
  return interceptors.map(nameOf).join(', ');
}

function nameOf(interceptor: unknown): string {
  const { name } = interceptor as { readonly name?: unknown };
  return typeof name === 'string' && name !== '' ? name : '(anonymous)';
}
