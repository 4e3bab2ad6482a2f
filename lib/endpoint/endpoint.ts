import { Subject, type Observable } from 'rxjs';
import { anObject, checkOptions, oneOf, withMethods, type Rule } from '../check.js';
import { HostConnection } from '../connection/host-connection.js';
import type { ChecksumMode } from '../connection/handshake.js';
import { Link, type LinkOptions } from '../connection/link.js';
import { LimitError, ProtocolError } from '../errors.js';
import { isolated } from '../flow/unhandled.js';
import { withDefaults, type Limits } from '../limits.js';
import type { GridEvent } from '../observe.js';
import { printable } from '../printable.js';
import type { PayloadCodec } from '../codec/codec.js';
import type { ConnectFor } from '../handlers/call-context.js';
import { AssumedCapacities } from '../contract/assumed-capacities.js';
import { msgpack } from '../codec/msgpack-codec.js';
import type { HandlerTable } from '../handlers/handler-table.js';
import type { Serving } from '../handlers/registry.js';
import { RouteConnection } from '../calls/route-connection.js';
import { CallInterceptors } from '../calls/call-interceptors.js';
import { listOfInterceptors, type InterceptOptions } from '../contract/interceptor.js';
import { UnsentMeta } from '../calls/unsent-meta.js';
import { toAddress, WireRoutes } from '../contract/wire-route.js';
import type { RouteMeters } from '../metrics/route-meter.js';
import type { Refusal, Responder } from '../mux/engine-options.js';
import type { RunningHandlers } from '../mux/running-handlers.js';
import { systemRuntime, type Runtime } from '../runtime.js';
import { createChecksum, type Checksum } from '../wire/checksum.js';
import { newProcessId } from '../wire/payloads/connect.js';
import { subrouteKey } from '../wire/subroute.js';
import { LinkList } from './link-list.js';

/** Options that a manager and a leaf share. */
export interface EndpointOptions {
  /**
   * Encodes the payloads of routes that declare no codec. Both ends must use the same one. Default MessagePack,
   * {@link msgpack}.
   */
  readonly codec?: PayloadCodec;
  /** Limits that override the defaults. */
  readonly limits?: Partial<Limits>;
  /**
   * 'off': sends no checksums, and asks peers to send none. Default 'auto': on, except between two ends that use TLS.
   */
  readonly checksum?: ChecksumMode;
  /**
   * Interceptors of the calls that this side makes, and of the calls that its handlers serve. The first of a list sees
   * a call first, and its result last. Default: none.
   */
  readonly intercept?: InterceptOptions;
  /**
   * True: a leaf gets the text of an error that a handler throws and that is not made by `defineError`. Default false:
   * it gets a neutral text with an id, which the event `handler-error` has too. Hosts get the text in any case.
   */
  readonly exposeErrors?: boolean;
  /** Clocks, randomness and timers, for tests. Default: those of the platform. */
  readonly runtime?: Runtime;
}

/** Escapes the strings of an event, which may come from an unauthenticated peer. */
function printableEvent(event: GridEvent): GridEvent {
  const entries = Object.entries<unknown>(event as object as Record<string, unknown>);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === 'string' ? printable(value) : value]),
  ) as unknown as GridEvent;
}

/** Validation rules of {@link EndpointOptions}. */
export const endpointRules: Readonly<Record<keyof EndpointOptions, Rule>> = {
  codec: withMethods('a codec, such as msgpack()', 'encode', 'decode'),
  limits: anObject,
  checksum: oneOf('auto', 'off'),
  intercept: anObject,
  exposeErrors: oneOf(true, false),
  runtime: withMethods('a Runtime', 'now', 'wallNow', 'random', 'defer', 'schedule'),
};

const interceptRules: Readonly<Record<keyof InterceptOptions, Rule>> = {
  calls: listOfInterceptors,
  handlers: listOfInterceptors,
};

/** One process's end of its connections: routes, handlers, clocks, limits and events. */
export class Endpoint {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly checksumMode: ChecksumMode;
  readonly routes: WireRoutes;
  /** What those need who register handlers. */
  readonly serving: Serving;
  /** 16 random bytes, fixed for the life of the endpoint. Peers recognize a restarted process by a new id. */
  readonly id: Uint8Array;
  readonly events$: Observable<GridEvent>;
  readonly links = new LinkList();
  /** Why there are no attempts to connect, as stated in errors of calls; undefined once there are. */
  notStarted: string | undefined = undefined;

  readonly #events = new Subject<GridEvent>();
  readonly #assumed: AssumedCapacities;
  readonly #unsentMeta: UnsentMeta;
  readonly #interceptors: CallInterceptors;
  #checksum: Checksum | undefined = undefined;

  /** `meters` counts the calls; without it they are not counted. */
  constructor(
    { codec, limits, checksum, runtime, exposeErrors, intercept }: EndpointOptions,
    connectFor: ConnectFor,
    meters?: RouteMeters,
  ) {
    this.runtime = runtime ?? systemRuntime;
    this.limits = withDefaults(limits);
    this.checksumMode = checksum ?? 'auto';
    this.routes = new WireRoutes(codec ?? msgpack(), meters);
    this.#assumed = new AssumedCapacities(this.report);
    this.#unsentMeta = new UnsentMeta(this.report);
    if (intercept !== undefined) checkOptions(intercept, interceptRules, { of: 'intercept' });
    this.#interceptors = new CallInterceptors(intercept?.calls);
    this.serving = {
      answering: undefined,
      routes: this.routes,
      context: {
        runtime: this.runtime,
        report: this.report,
        limits: this.limits,
        bounds: { items: this.limits.bufferItems, bytes: this.limits.bufferBytes },
        assumed: this.#assumed,
        connectFor,
        exposeErrors: exposeErrors === true,
        interceptors: intercept?.handlers,
      },
    };
    this.id = newProcessId(this.runtime);
    // An error thrown by one subscriber must reach neither the other subscribers nor the code that reports the event.
    this.events$ = isolated(this.#events);
  }

  /** The handlers by address; undefined before there is a {@link Registry}. */
  get handlers(): HandlerTable | undefined {
    return this.serving.answering?.table;
  }

  /** Defined after {@link prepare}. While it is undefined, checksums of received messages are not verified. */
  get checksum(): Checksum | undefined {
    return this.#checksum;
  }

  readonly report = (event: GridEvent): void => {
    this.#events.next(printableEvent(event));
  };

  /**
   * Compiles the checksum. Must be called before the first link, except for a leaf without checksums.
   *
   * @throws ConfigurationError if WebAssembly is forbidden.
   */
  async prepare(): Promise<Checksum> {
    return (this.#checksum = await createChecksum());
  }

  /**
   * Creates a connection to a host, and the calls by route over it. `running` is shared by several connections of one
   * peer.
   */
  connect(
    host: string,
    running?: RunningHandlers,
  ): { readonly connection: HostConnection; readonly routes: RouteConnection } {
    const { runtime, limits } = this;
    const connection = new HostConnection({ host, runtime, limits, notStarted: () => this.notStarted, running });
    const routes = new RouteConnection({
      runtime,
      limits,
      connection,
      routes: this.routes,
      report: this.report,
      bounds: { items: limits.bufferItems, bytes: limits.bufferBytes },
      assumed: this.#assumed,
      unsentMeta: this.#unsentMeta,
      interceptors: this.#interceptors,
    });
    return { connection, routes };
  }

  /** Creates a link for `connection` over a socket whose handshake has completed. */
  link(
    connection: HostConnection,
    {
      socket,
      agreement,
      remoteId,
      caller,
      find = this.find,
    }: Pick<LinkOptions, 'socket' | 'agreement' | 'remoteId' | 'caller'> & Partial<Pick<LinkOptions, 'find'>>,
  ): Link {
    const link = new Link({
      socket,
      agreement,
      remoteId,
      caller,
      runtime: this.runtime,
      limits: this.limits,
      running: connection.running,
      checksum: this.checksum,
      find: (handler, subroute) => refusalOf(connection) ?? find(handler, subroute),
      incoming: this.serving.answering?.incoming,
      disconnected: (sent) => connection.disconnected(sent),
    });
    this.links.add({ link, host: connection.host, kind: caller.kind });
    link.closed.subscribe((error) => {
      const { host } = connection;
      if (error instanceof ProtocolError) this.report({ type: 'protocol-fault', host, message: error.message });
      else if (error instanceof LimitError) {
        this.report({ type: 'limit', host, limit: error.limit, message: error.message });
      }
    });
    return link;
  }

  /** Finds the responder of a call, or the text of its refusal. Engines without handlers do not ask for it. */
  readonly find = (handler: number, subroute: Uint8Array | undefined): Responder | string =>
    this.handlers!.find(handler, subroute);

  /** Returns a key that is unique to a route's address: the handler id, or the key of the subroute. */
  addressKey(route: Parameters<WireRoutes['of']>[0]): string {
    const { handler, subroute } = toAddress(this.routes.of(route));
    return subroute === undefined ? String(handler) : subrouteKey(subroute);
  }

  close(): void {
    this.links.complete();
    this.#events.complete();
  }
}

// A connection that drains. Nothing of the call was begun.
function refusalOf({ drain }: HostConnection): Refusal | undefined {
  const reason = drain.refusal;
  if (reason === undefined) return undefined;
  return {
    text: `This host drains and takes no new calls: ${reason}`,
    error: { code: 'unavailable', retryable: true, sent: false },
  };
}
