import type { Observable } from 'rxjs';
import type { CallObservable } from '../flow/call-observable.js';
import type { CreditWindow } from '../limits.js';
import type { Runtime } from '../runtime.js';
import type { RegionItem } from '../codec/region-item.js';
import type { RegionCodec, Received, Sent, SentItem } from '../codec/codec.js';
import type { Connection } from './connection.js';
import type { Duplex, Route, Unary } from './contract.js';

/** What a handler knows about the call that it serves. `I`: the items of its input. */
export interface Call<I> {
  /**
   * The input: completes at the caller's half-close, errors when the caller is gone, and with CancelledError where the
   * handler's result ends before. It can be consumed once, while the call runs.
   */
  readonly input: CallObservable<I>;
  /** Aborts when nobody waits for the result any more: cancel, deadline, or the loss of the connection. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, by the wall clock of this host as it is now; undefined for a stream without a deadline. */
  readonly deadline: Date | undefined;
  /** Name of the calling host, or the identity of the leaf. */
  readonly caller: string;
  /** Whether `caller` is a host of the cluster or a leaf. No leaf is accepted under the name of a host. */
  readonly callerKind: 'host' | 'leaf';
  /** The route's subroute. */
  readonly subroute: string | undefined;
  /** The connection to a host, for calls on behalf of this one: they inherit its deadline and its cancel. */
  connection(host: string): Connection;
}

/** One result: a value, a Promise of one, or an Observable of exactly one. */
export type One<T> = T | PromiseLike<T> | Observable<T>;

/** A string is iterable letter by letter: never what was meant. */
type Items<T> = Observable<T> | AsyncIterable<T> | (Iterable<T> & object);

/** The output of a stream: an iterable or async iterable is pulled, one item per credit; an Observable is buffered, within bounds. */
export type Many<T> = Items<T> | PromiseLike<Items<T>>;

/**
 * What a stream handler gives for the shape of its output: its items; where the route carries files, also a file region
 * alone; where it has no output, also nothing, when the handler is done with the input.
 */
export type Output<O> = [Sent<O>] extends [never]
  ? // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- an async function without a return.
    Many<never> | void | PromiseLike<void>
  : O extends RegionCodec<unknown>
    ? AloneOrMany<RegionItem | Items<SentItem<O>>>
    : Many<SentItem<O>>;

type AloneOrMany<T> = T | PromiseLike<T>;

/**
 * The handler of a route. One conditional type instead of an overload for each kind: the compiler checks a function without
 * parameters once, against the first overload, and would widen the literals that it gives.
 */
export type HandlerOf<R> =
  R extends Unary<infer Q, infer P>
    ? (request: Received<Q>, call: Call<never>) => One<Sent<P>>
    : R extends Duplex<infer Q, infer I, infer O>
      ? (request: Received<Q>, call: Call<Received<I>>) => Output<O>
      : never;

/** A handler with its route, for places that take a list of them. Made by {@link bind}. */
export interface Bound {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a contract of any shapes.
  readonly route: Unary<any, any> | Duplex<any, any, any>;
  readonly handler: Handler;
}

/** A handler whose types are known to its route alone. */
export type Handler = (request: never, call: never) => unknown;

/** A handler of opaque bytes, which needs no contract. `null` or `undefined` as a response means "no payload". */
export type RawHandler =
  | {
      /** Handler id, 1..239. */
      readonly id: number;
      readonly subroute?: string;
      readonly kind: 'unary';
      handle(payload: Uint8Array, call: Call<never>): One<Uint8Array | null | undefined>;
    }
  | {
      /** Handler id, 1..239. */
      readonly id: number;
      readonly subroute?: string;
      readonly kind: 'duplex';
      /** Window of the input; without one there is no input. */
      readonly inCapacity?: number | CreditWindow;
      readonly outCapacity?: number | CreditWindow;
      handle(payload: Uint8Array, call: Call<Uint8Array>): Output<RegionCodec<Uint8Array>>;
    };

/** @internal How long handlers are in service, and by which clock: for what they do beside calls. */
export interface Lifetime {
  readonly runtime: Runtime;
  /** Completes when no handler is called any more, also for who subscribes later. */
  readonly closed$: Observable<never>;
}

/** Places where handlers are registered. */
export interface Handles {
  /** @internal Undefined: the clock is the platform's, and the end is not known. */
  readonly lifetime?: Lifetime;
  /** Registers the handler of a route. @throws ConfigurationError where the route has one. */
  handle<R extends Route>(route: R, handler: NoInfer<HandlerOf<R>>): void;
  /** Registers a handler of opaque bytes. @throws ConfigurationError where its address has one, or cannot work. */
  handleRaw(handler: RawHandler): void;
}

/** Pairs a route with its handler. */
export function bind<R extends Route>(route: R, handler: NoInfer<HandlerOf<R>>): Bound {
  return { route, handler: handler as Handler };
}

/**
 * True for a Promise of any make. It never throws: an object whose `then` cannot be read counts as one, and who awaits it
 * gets that error.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return true;
  }
}
