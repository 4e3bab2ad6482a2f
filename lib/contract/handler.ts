import type { Observable } from 'rxjs';
import type { CallObservable } from '../flow/call-observable.js';
import type { CreditWindow } from '../limits.js';
import type { Runtime } from '../runtime.js';
import type { Meta } from '../wire/payloads/opening-extra.js';
import type { RegionItem } from '../codec/region-item.js';
import type { RegionCodec, Received, Sent, SentItem } from '../codec/codec.js';
import type { Connection } from './connection.js';
import type { Duplex, Route, Unary } from './contract.js';
import type { Group, HandlersOf, Routes } from './group.js';
import type { HandlerInterceptor } from './interceptor.js';

/** The call that a handler serves. `I` is the type of the input items. */
export interface Call<I> {
  /**
   * The input. It completes at the caller's half-close, errors when the call ends early, and errors with CancelledError
   * if the handler's result ends first. It can be consumed once, while the call runs.
   */
  readonly input: CallObservable<I>;
  /** Aborts when the caller no longer waits for the result: on cancel, deadline or connection loss. */
  readonly signal: AbortSignal;
  /** The deadline, according to this host's current wall clock; undefined for a stream without a deadline. */
  readonly deadline: Date | undefined;
  /** Name of the calling host, or identity of the calling leaf. */
  readonly caller: string;
  /** Whether `caller` names a host of the cluster or a leaf. A leaf is never accepted under the name of a host. */
  readonly callerKind: 'host' | 'leaf';
  /** Metadata of the call, by key; empty where its caller gives none. */
  readonly meta: Meta;
  /** Subroute of the route that was called. */
  readonly subroute: string | undefined;
  /**
   * The connection to a host, for calls on behalf of this one: they inherit its deadline and its signal, and what an
   * interceptor passes on of its metadata.
   */
  connection(host: string): Connection;
}

/** The result of a unary handler: a value, a Promise of one, or an Observable of exactly one item. */
export type One<T> = T | PromiseLike<T> | Observable<T>;

/** Excludes strings, which are iterable character by character. */
type Items<T> = Observable<T> | AsyncIterable<T> | (Iterable<T> & object);

/**
 * The output of a stream handler. An iterable or async iterable is pulled, one item per credit; an Observable goes
 * through a bounded buffer.
 */
export type Many<T> = Items<T> | PromiseLike<Items<T>>;

/**
 * What a stream handler returns for the shape of its output: items; on a route that carries files, also a single file
 * region; on a route without an output, also nothing, once the handler has finished with the input.
 */
export type Output<O> = [Sent<O>] extends [never]
  ? // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- an async function without a return.
    Many<never> | void | PromiseLike<void>
  : O extends RegionCodec<unknown>
    ? ValueOrPromise<RegionItem | Items<SentItem<O>>>
    : Many<SentItem<O>>;

type ValueOrPromise<T> = T | PromiseLike<T>;

/**
 * The handler of a route. This is one conditional type rather than one overload per kind, because the compiler checks a
 * function without parameters against the first overload only, and would widen the literals that it returns.
 */
export type HandlerOf<R> =
  R extends Unary<infer Q, infer P>
    ? (request: Received<Q>, call: Call<never>) => One<Sent<P>>
    : R extends Duplex<infer Q, infer I, infer O>
      ? (request: Received<Q>, call: Call<Received<I>>) => Output<O>
      : never;

/** A route paired with its handler, for options that take a list of handlers. Created by {@link bind}. */
export interface Bound {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a contract of any shapes.
  readonly route: Unary<any, any> | Duplex<any, any, any>;
  readonly handler: Handler;
  readonly options?: HandleOptions;
  /**
   * @internal Registers it at an endpoint. It brings along what serves calls, which a leaf that only calls need not
   * load.
   */
  readonly serve?: (serving: never) => Registration<Handler>;
}

/** Options of a handler. */
export interface HandleOptions {
  /** Interceptors of this handler, behind those of the endpoint. Default: none. */
  readonly intercept?: readonly HandlerInterceptor[];
}

/** A handler that is registered. */
export interface Registration<H> {
  /** Removes the handler: further calls are refused, and those that run go on. More than once is harmless. */
  remove(): void;
  /** Puts another handler in its place, for further calls. @throws ConfigurationError where it was removed. */
  replace(handler: H): void;
}

/** A handler with its types erased; its route determines them. */
export type Handler = (request: never, call: never) => unknown;

/** A handler of opaque bytes, which needs no contract. A response of `null` or `undefined` means "no payload". */
export type RawHandler =
  | {
      /** Handler id, 1..239. */
      readonly id: number;
      readonly subroute?: string;
      readonly kind: 'unary';
      /** Serves a call. */
      handle(payload: Uint8Array, call: Call<never>): One<Uint8Array | null | undefined>;
    }
  | {
      /** Handler id, 1..239. */
      readonly id: number;
      readonly subroute?: string;
      readonly kind: 'duplex';
      /** Window of the input. Leave it out if there is no input. */
      readonly inCapacity?: number | CreditWindow;
      readonly outCapacity?: number | CreditWindow;
      /** Serves a call. */
      handle(payload: Uint8Array, call: Call<Uint8Array>): Output<RegionCodec<Uint8Array>>;
    };

/** @internal The clock and the end of service of a registrar, for background work of its handlers. */
export interface Lifetime {
  readonly runtime: Runtime;
  /** Completes when no handler will be called any more; replays that to late subscribers. */
  readonly closed$: Observable<never>;
}

/** Objects on which handlers can be registered. */
export interface Handles {
  /** @internal Undefined: the platform's clock applies, and the end of service is unknown. */
  readonly lifetime?: Lifetime;
  /** Registers the handler of a route. @throws ConfigurationError if the route already has one. */
  handle<R extends Route>(
    route: R,
    handler: NoInfer<HandlerOf<R>>,
    options?: HandleOptions,
  ): Registration<NoInfer<HandlerOf<R>>>;
  /**
   * Registers the handlers of a group, one for each of its routes: all of them, or none.
   *
   * @throws ConfigurationError where a route has one already, a handler is missing, or there is one for no route.
   */
  handleAll<R extends Routes>(
    routes: Group<R>,
    handlers: NoInfer<HandlersOf<R>>,
    options?: HandleOptions,
  ): Registration<NoInfer<HandlersOf<R>>>;
  /**
   * Registers a handler of opaque bytes. @throws ConfigurationError if its address is invalid or already has a handler.
   */
  handleRaw(handler: RawHandler): Registration<RawHandler['handle']>;
}

/**
 * True for any object with a `then` method. Never throws: an object whose `then` getter throws counts as a thenable,
 * and awaiting it rejects with that error.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return true;
  }
}
