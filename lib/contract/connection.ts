import type { Observable } from 'rxjs';
import type { ConnectionStats } from '../connection/figures.js';
import type { ConnectionState } from '../connection/connection-state.js';
import type { ObservedFrame } from '../connection/link.js';
import type { CallObservable } from '../flow/call-observable.js';
import type { Received, Sent, SentItem, Shape, TypeOnly } from '../codec/codec.js';
import type { Duplex, Route, Unary } from './contract.js';
import type { Api, ApiOf, Group, Routes } from './group.js';
import type { DuplexStream } from './duplex-stream.js';
import type { CallOptions } from './options.js';

/**
 * The payload of a call: a value, or a function that returns it. The function is called once per subscription, so a
 * retry can send a different value.
 */
export type Payload<Q> = Sent<Q> | (() => Sent<Q>);

/** The input of an exchange: a source that can be read again for each subscription, or a function that returns one. */
export type Input<I> = Observable<I> | Items<I> | (() => Observable<I> | AsyncIterable<I> | Items<I>);

/** Excludes strings, which are iterable character by character. */
type Items<I> = Iterable<I> & object;

/**
 * The connection to one host. Every method that makes a call is cold, except `open`: nothing is sent before
 * `subscribe`, each subscription is one call, and unsubscribing before the end cancels the call on both sides.
 */
export interface Connection {
  /** Name of the remote host, as configured. */
  readonly host: string;
  /** The state, starting with the current one. Completes when the connection is closed permanently. */
  readonly state$: Observable<ConnectionState>;
  /** The statistics: once on subscription, then every second. */
  readonly stats$: Observable<ConnectionStats>;
  /** Every frame sent or received. Frames are decoded for it only while it has subscribers. */
  readonly frames$: Observable<ObservedFrame>;
  /**
   * Resolves when connected. Rejects with DisconnectedError when the connection is closed permanently, or when the
   * manager has not been started.
   */
  ready(): Promise<void>;
  /**
   * Returns a connection whose calls the host at the other end makes for this side: to a host that this side cannot
   * reach, or need not. The other end must have the option `relay`; `host` is a name that it knows, also its own or
   * that of a leaf there. Payloads, errors, metadata, deadline, cancel and credit are passed on; the handler sees the
   * relaying host as its caller. State and figures are those of the connection to the relaying host.
   *
   * @throws ConfigurationError for a connection that is one via a host already: a call is relayed once.
   */
  via(host: string): Connection;
  /** Sends one request and receives one response. A route without a request needs no value. */
  request<R extends Shape>(
    route: Unary<TypeOnly<void>, R>,
    value?: undefined,
    options?: CallOptions,
  ): Observable<Received<R>>;
  /** The same for a route with a request: a value, or a function that each subscription calls. */
  request<Q extends Shape, R extends Shape>(
    route: Unary<Q, R>,
    value: Payload<Q>,
    options?: CallOptions,
  ): Observable<Received<R>>;
  /** Sends one request and receives a stream of items. A route without a request needs no value. */
  stream<O extends Shape>(
    route: Duplex<TypeOnly<void>, undefined, O>,
    value?: undefined,
    options?: CallOptions,
  ): CallObservable<Received<O>>;
  /** The same for a route with a request: a value, or a function that each subscription calls. */
  stream<Q extends Shape, O extends Shape>(
    route: Duplex<Q, undefined, O>,
    value: Payload<Q>,
    options?: CallOptions,
  ): CallObservable<Received<O>>;
  /**
   * Sends one request and a stream of input items, and receives a stream of items. If the input fails, the call is
   * cancelled and errors with the input's error.
   */
  exchange<Q extends Shape, I extends Shape, O extends Shape>(
    route: Duplex<Q, I, O>,
    value: Payload<Q>,
    input: Input<SentItem<I>>,
    options?: CallOptions,
  ): CallObservable<Received<O>>;
  /**
   * Opens a stream that can be used once, as an Observable and an Observer. The opening frame is sent immediately. A
   * route without a request needs no value.
   *
   * It passes no interceptors of calls: an interceptor may delay, repeat or replace a call, which is possible where
   * each subscription makes a call, and not for a stream that has begun, with the credit and the input of one call. The
   * interceptors of the handler's side apply. Use `exchange` where those of the caller's side must apply, such as
   * tracing or tokens in `meta`.
   */
  open<I extends Shape, O extends Shape>(
    route: Duplex<TypeOnly<void>, I, O>,
    value?: undefined,
    options?: CallOptions,
  ): DuplexStream<Sent<I>, Received<O>>;
  /** The same for a route with a request. */
  open<Q extends Shape, I extends Shape, O extends Shape>(
    route: Duplex<Q, I, O>,
    value: Sent<Q>,
    options?: CallOptions,
  ): DuplexStream<Sent<I>, Received<O>>;
  /**
   * The routes of a group as functions: `connection.api(store).put(value, options)`. A route with an input takes it as
   * its second argument, as `exchange` does.
   */
  api<R extends Routes>(routes: Group<R>): Api<R>;
  /**
   * A route at a subroute as a function: `connection.at(diskInfo, 'disk1')(query, options)`; of a group, all its
   * functions.
   */
  at<R extends Route>(route: R, subroute: string): ApiOf<R>;
  /** The same for all routes of a group. */
  at<R extends Routes>(routes: Group<R>, subroute: string): Api<R>;
}
