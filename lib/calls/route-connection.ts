import { Observable } from 'rxjs';
import type { ConnectionStats } from '../connection/figures.js';
import type { HostConnection } from '../connection/host-connection.js';
import type { ConnectionState } from '../connection/connection-state.js';
import type { ObservedFrame } from '../connection/link.js';
import { ConfigurationError } from '../errors.js';
import { CallObservable } from '../flow/call-observable.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { isFeedSource, type FeedSource } from '../flow/feed/feed.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import { Inbound } from '../flow/inbound.js';
import type { Received, Sent, SentItem, Shape } from '../codec/codec.js';
import type { Connection, Input, Payload } from '../contract/connection.js';
import type { Duplex, Route, Unary } from '../contract/contract.js';
import type { Api, ApiOf, Group, Routes } from '../contract/group.js';
import { apiOf, atSubroute } from './api.js';
import type { DuplexStream } from '../contract/duplex-stream.js';
import { OpenStream } from './open-stream.js';
import type { Call } from '../contract/handler.js';
import { errorOfCall } from '../contract/route-errors.js';
import { resolveOptions, type CallOptions, type ResolvedOptions } from '../contract/options.js';
import { StreamCall, type StreamCallerContext } from './stream-call.js';
import { UnaryCall } from './unary-call.js';
import { RelayedRoutes } from '../contract/relayed-route.js';
import type { CallInterceptors } from './call-interceptors.js';
import { interceptedItems, interceptedResponse, type MakeCall, type UserCall } from './interception.js';
import type { CallInterceptor } from '../contract/interceptor.js';
import type { WireRoute } from '../contract/wire-route.js';

/** What a {@link RouteConnection} needs from its endpoint. */
export interface RouteConnectionOptions extends StreamCallerContext {
  readonly interceptors: CallInterceptors;
  /** The host that the other end calls for this side; undefined where the other end itself is called. */
  readonly relayedTo?: string;
}

/** Makes calls by contract on a {@link HostConnection}. */
export class RouteConnection implements Connection {
  readonly host: string;
  readonly state$: Observable<ConnectionState>;
  readonly stats$: Observable<ConnectionStats>;
  readonly frames$: Observable<ObservedFrame>;

  readonly #options: RouteConnectionOptions;
  readonly #connection: HostConnection;
  readonly #parent: Call<unknown> | undefined;

  /** `parent` is the call on whose behalf all calls of this connection are made. */
  constructor(options: RouteConnectionOptions, parent?: Call<unknown>) {
    this.#options = options;
    this.#connection = options.connection;
    this.#parent = parent;
    this.host = options.relayedTo ?? options.connection.host;
    this.state$ = options.connection.state$;
    this.stats$ = options.connection.stats$;
    this.frames$ = options.connection.frames$;
  }

  /** Returns a view of this connection for calls on behalf of `parent`. */
  onBehalfOf(parent: Call<unknown>): RouteConnection {
    return new RouteConnection(this.#options, parent);
  }

  via(host: string): RouteConnection {
    const routes = new RelayedRoutes(this.#options.routes, host);
    return new RouteConnection({ ...this.#options, routes, relayedTo: host }, this.#parent);
  }

  ready(): Promise<void> {
    return this.#connection.ready();
  }

  request<Q extends Shape, R extends Shape>(
    contract: Unary<Q, R>,
    value?: Payload<Q>,
    options?: CallOptions,
  ): Observable<Received<R>> {
    const route = this.#options.routes.of(contract);
    checkKind(route, 'unary');
    const { unaryTimeout } = this.#options.limits;
    const interceptors = this.#options.interceptors.of(route);
    if (interceptors.length > 0) {
      const call = this.#userCall(route, interceptors, value, options, unaryTimeout);
      const make: MakeCall = (payload, resolved) =>
        new Observable((subscriber) => new UnaryCall(this.#options, route, payload, resolved, subscriber));
      return interceptedResponse(this.#options, call, make) as Observable<Received<R>>;
    }
    return new Observable<Received<R>>((subscriber) => {
      let payload: Uint8Array;
      let resolved: ResolvedOptions;
      try {
        payload = encodePayload(route, value);
        resolved = this.#resolve(route, options, unaryTimeout);
      } catch (error) {
        return this.#onMacrotask(() => {
          subscriber.error(errorOfCall(route, this.host, error, false));
        });
      }
      return new UnaryCall(this.#options, route, payload, resolved, subscriber);
    });
  }

  stream<Q extends Shape, O extends Shape>(
    contract: Duplex<Q, undefined, O>,
    value?: Payload<Q>,
    options?: CallOptions,
  ): CallObservable<Received<O>> {
    return this.#stream(contract, value, undefined, options);
  }

  exchange<Q extends Shape, I extends Shape, O extends Shape>(
    contract: Duplex<Q, I, O>,
    value: Payload<Q>,
    input: Input<SentItem<I>>,
    options?: CallOptions,
  ): CallObservable<Received<O>> {
    return this.#stream(contract, value, () => inputSource(input), options);
  }

  open<Q extends Shape, I extends Shape, O extends Shape>(
    contract: Duplex<Q, I, O>,
    value?: Sent<Q>,
    options?: CallOptions,
  ): DuplexStream<Sent<I>, Received<O>> {
    const route = this.#options.routes.of(contract);
    checkKind(route, 'duplex');
    checkInput(route, true, 'open');
    let payload: Uint8Array;
    let resolved: ResolvedOptions;
    try {
      payload = route.request.encode(value);
      resolved = this.#resolve(route, options, Infinity);
    } catch (error) {
      throw errorOfCall(route, this.host, error, false);
    }
    return new OpenStream(this.#options, route, payload, resolved);
  }

  api<R extends Routes>(routes: Group<R>): Api<R> {
    return apiOf(this, routes);
  }

  at<R extends Route>(route: R, subroute: string): ApiOf<R>;
  at<R extends Routes>(routes: Group<R>, subroute: string): Api<R>;
  at(target: Route | Group<Routes>, subroute: string): unknown {
    return atSubroute(this, target, subroute);
  }

  #stream<Q extends Shape, I extends Shape | undefined, O extends Shape>(
    contract: Duplex<Q, I, O>,
    value: Payload<Q> | undefined,
    input: (() => FeedSource<SentItem<I>>) | undefined,
    options: CallOptions | undefined,
  ): CallObservable<Received<O>> {
    const route = this.#options.routes.of(contract);
    checkKind(route, 'duplex');
    checkInput(route, input !== undefined, input === undefined ? 'stream' : 'exchange');
    const interceptors = this.#options.interceptors.of(route);
    if (interceptors.length === 0) {
      return this.#items(
        route,
        () => encodePayload(route, value),
        () => this.#resolve(route, options, Infinity),
        input,
      );
    }
    const call = this.#userCall(route, interceptors, value, options, Infinity, input !== undefined);
    return interceptedItems(this.#options, call, (payload, resolved) =>
      this.#items(
        route,
        () => payload,
        () => resolved,
        input,
      ),
    );
  }

  // The call itself, behind all interceptors.
  #items<I, T>(
    route: WireRoute,
    encode: () => Uint8Array,
    resolve: () => ResolvedOptions,
    input: (() => FeedSource<I>) | undefined,
  ): CallObservable<T> {
    return new CallObservable<T>((attach) => {
      let call: StreamCall<I, T>;
      let resolved: ResolvedOptions;
      try {
        resolved = resolve();
        call = new StreamCall(this.#options, route, encode(), resolved, input?.());
      } catch (error) {
        const inbound = new Inbound<T>({
          ...unopenedCall,
          route: route.name,
          report: this.#options.report,
        });
        attach(inbound);
        return this.#onMacrotask(() => {
          inbound.end(errorOfCall(route, this.host, error, false));
        });
      }
      attach(call.inbound);
      call.begin(resolved.signals);
      return call;
    });
  }

  #userCall(
    route: WireRoute,
    interceptors: readonly CallInterceptor[],
    value: unknown,
    options: CallOptions | undefined,
    defaultTimeout: number,
    hasInput = false,
  ): UserCall {
    const parent = this.#parent;
    return {
      route,
      interceptors,
      hasInput,
      options,
      parent,
      request: () => (typeof value === 'function' ? (value as () => unknown)() : value),
      resolve: () => this.#resolve(route, options, defaultTimeout),
    };
  }

  readonly #wallNow = (): number => this.#options.runtime.wallNow();

  // An error within `subscribe` makes retry() overflow the stack.
  #onMacrotask(fail: () => void): () => void {
    return this.#options.runtime.schedule(() => {
      guarded(reportUnhandled, fail);
    }, 0);
  }

  #resolve(route: WireRoute, options: CallOptions | undefined, defaultTimeout: number): ResolvedOptions {
    // The engine reads the clock once per turn, and all calls of the turn share that reading.
    const now = this.#connection.engine?.now() ?? this.#options.runtime.now();
    const { maxMetaBytes } = this.#options.limits;
    return resolveOptions(options, now, this.#wallNow, defaultTimeout, this.#parent, route.defaults, maxMetaBytes);
  }
}

/** The owner of the inbound half of a call that failed before it began. */
const unopenedCall = {
  decode: (): never => {
    throw new TypeError('A call that was not opened receives nothing.');
  },
  release: (): void => undefined,
  onThrown: reportUnhandled,
  undecodable: (): void => undefined,
};

function encodePayload(route: WireRoute, value: unknown): Uint8Array {
  // Payloads are data, so a function can only be one that returns the payload.
  return route.request.encode(typeof value === 'function' ? (value as () => unknown)() : value);
}

// For callers without types.
function checkKind({ name, kind }: WireRoute, called: WireRoute['kind']): void {
  if (kind === called) return;
  const methods = kind === 'unary' ? 'request(…)' : 'stream(…), exchange(…) or open(…)';
  throw new ConfigurationError(`${name} is a ${kind} route: call it with ${methods}.`);
}

// For callers without types, which would otherwise wait for an input that never starts or never ends.
function checkInput({ name, input }: WireRoute, hasInput: boolean, method: string): void {
  if (hasInput === (input !== undefined)) return;
  throw new ConfigurationError(
    hasInput
      ? `${name} has no input, and ${method} sends one: use stream(…), or declare the input's shape.`
      : `${name} has an input, and ${method} sends none: use exchange(…) or open(…).`,
  );
}

function inputSource<I>(input: Input<I>): FeedSource<I> {
  const source = typeof input === 'function' ? input() : input;
  if (isFeedSource(source)) return source as FeedSource<I>;
  throw new ConfigurationError(
    `The input of an exchange must be an Observable, an iterable, or a function that returns one.${foreignObservableHint(source)}`,
  );
}
