import type { Observable } from 'rxjs';
import type { ConnectionState, ConnectionStats } from '../connection/host-connection.js';
import type { ObservedFrame } from '../connection/link.js';
import type { CallObservable } from '../flow/call-observable.js';
import type { Received, Sent, SentItem, Shape, TypeOnly } from '../codec/codec.js';
import type { Duplex, Unary } from './contract.js';
import type { DuplexStream } from './duplex-stream.js';
import type { CallOptions } from './options.js';

/** The payload of a call: a value, or a function that gives it, called once per subscription, so that a retry may send another one. */
export type Payload<Q> = Sent<Q> | (() => Sent<Q>);

/** The input of an exchange: what can be read again for each subscription, or a function that gives it. */
export type Input<I> = Observable<I> | Items<I> | (() => Observable<I> | AsyncIterable<I> | Items<I>);

/** A string is iterable letter by letter: never what was meant. */
type Items<I> = Iterable<I> & object;

/**
 * The connection to one host: calls by route. Everything but `open` is cold: nothing is sent before `subscribe`, each
 * subscription is one call, and unsubscribing before the end cancels it at the other side too.
 */
export interface Connection {
  /** Host at the other end, as configured. */
  readonly host: string;
  /** The state, beginning with the present one; completes when the connection is closed for good. */
  readonly state$: Observable<ConnectionState>;
  /** The figures, now and then every second. */
  readonly stats$: Observable<ConnectionStats>;
  /** Every frame that passes. Decoded only while somebody is subscribed. */
  readonly frames$: Observable<ObservedFrame>;
  /**
   * Resolves when connected. Rejects with DisconnectedError when the connection is closed for good, and where the manager is
   * not started.
   */
  ready(): Promise<void>;
  /** One request, one response. A route without a request needs no value. */
  request<R extends Shape>(
    route: Unary<TypeOnly<void>, R>,
    value?: undefined,
    options?: CallOptions,
  ): Observable<Received<R>>;
  request<Q extends Shape, R extends Shape>(
    route: Unary<Q, R>,
    value: Payload<Q>,
    options?: CallOptions,
  ): Observable<Received<R>>;
  /** One request, many items. A route without a request needs no value. */
  stream<O extends Shape>(
    route: Duplex<TypeOnly<void>, undefined, O>,
    value?: undefined,
    options?: CallOptions,
  ): CallObservable<Received<O>>;
  stream<Q extends Shape, O extends Shape>(
    route: Duplex<Q, undefined, O>,
    value: Payload<Q>,
    options?: CallOptions,
  ): CallObservable<Received<O>>;
  /** One request and the input's items, many items back. An input that fails cancels the call, which errors with its error. */
  exchange<Q extends Shape, I extends Shape, O extends Shape>(
    route: Duplex<Q, I, O>,
    value: Payload<Q>,
    input: Input<SentItem<I>>,
    options?: CallOptions,
  ): CallObservable<Received<O>>;
  /** The open pair, single use. It sends at once. A route without a request needs no value. */
  open<I extends Shape, O extends Shape>(
    route: Duplex<TypeOnly<void>, I, O>,
    value?: undefined,
    options?: CallOptions,
  ): DuplexStream<Sent<I>, Received<O>>;
  open<Q extends Shape, I extends Shape, O extends Shape>(
    route: Duplex<Q, I, O>,
    value: Sent<Q>,
    options?: CallOptions,
  ): DuplexStream<Sent<I>, Received<O>>;
}
