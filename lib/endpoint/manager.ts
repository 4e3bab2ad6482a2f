/**
 * One host of a cluster: its connections to all others, its handlers, its leaves.
 *
 *     created ──start──▶ started ──close──▶ closed
 *     handlers first      peers dial or wait
 */

import {
  BehaviorSubject,
  combineLatest,
  defer,
  ignoreElements,
  isObservable,
  map,
  of,
  switchMap,
  type Observable,
  type Subscription,
} from 'rxjs';
import { aFunction, anObject, checkOptions, withMethods, type Rule } from '../check.js';
import type { ConnectionState } from '../connection/host-connection.js';
import type { Dial, Socket } from '../transport/socket.js';
import { dialWebSocket } from '../transport/ws-socket.js';
import { ConfigurationError, errorText } from '../errors.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import { isolated, reportUnhandled } from '../flow/unhandled.js';
import { guarded, ThrownErrors } from '../guard.js';
import type { GridEvent } from '../observe.js';
import type { Received, Sent, Shape } from '../codec/codec.js';
import type { Connection } from '../contract/connection.js';
import type { Duplex, Unary } from '../contract/contract.js';
import type { Bound, Call, Handler, Handles, Lifetime, One, Output, RawHandler } from '../contract/handler.js';
import type { RouteConnection } from '../calls/route-connection.js';
import type { ConnectRequest } from '../wire/connect.js';
import { duplicateProbe } from '../limits.js';
import { checkClock, DuplicateHostRejection, type Admission, type DialerInfo } from './acceptor.js';
import { checkToken, refusedReason, type Auth } from './auth.js';
import { Handshakes } from './handshakes.js';
import { defaultPath, dialUrl, parseHost, usesTls } from './host-name.js';
import { Leaves, type LeafOptions } from './leaves.js';
import { createPeer, sendDuplicateNotice, startLoopback, startPeer, type Peer } from './peers.js';
import { Endpoint, endpointRules, type EndpointOptions } from './endpoint.js';

/** Options of a {@link Manager}. */
export interface ManagerOptions extends EndpointOptions {
  /** Name of this host: its base URL, exactly as the other hosts have it configured. */
  readonly local: string;
  /** Names of all hosts; this one may be among them. An Observable may change them: who is new is connected, who is gone is closed. */
  readonly hosts: readonly string[] | Observable<readonly string[]>;
  /** Signs and checks the tokens between hosts, for instance `sharedSecret(…)`. */
  readonly auth: Auth;
  /** Path of the WebSocket. Of several, the first is dialed and all are served. Default `/minio/grid/v1`. */
  readonly path?: string | readonly string[];
  /** Takes leaves. Default: none are taken. */
  readonly leaves?: LeafOptions;
  /** Opens WebSockets. Default isomorphic-ws. */
  readonly dial?: Dial;
}

const listOfTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** What the options of a manager may be. */
export const managerRules: Readonly<Record<keyof ManagerOptions, Rule>> = {
  ...endpointRules,
  local: {
    expected: "the base URL of this host, such as 'http://10.0.0.1:9000'",
    accepts: (value) => typeof value === 'string',
  },
  hosts: {
    expected: "a list of the base URLs of all hosts, such as ['http://10.0.0.1:9000'], or an Observable of such lists",
    accepts: (value) => isObservable(value) || listOfTexts(value),
    hint: foreignObservableHint,
  },
  auth: withMethods('what signs and checks the tokens between hosts, such as sharedSecret(secret)', 'sign', 'verify'),
  path: {
    expected: "a path such as '/minio/grid/v1', or a list of paths",
    accepts: (value) => typeof value === 'string' || listOfTexts(value),
  },
  leaves: anObject,
  dial: aFunction('opens WebSockets'),
};

/** One other host, as this host sees it. */
export interface HostState extends ConnectionState {
  /** Which side dials: it is decided from the names. Undefined before the start. */
  readonly dials: 'local' | 'remote' | undefined;
}

/** The cluster, as this host sees it. */
export interface ClusterState {
  readonly local: string;
  /** All other hosts, in the order of the configuration. */
  readonly hosts: readonly HostState[];
}

/** See the head of this file. */
export class Manager implements Handles {
  /** Name of this host. */
  readonly local: string;
  /** The paths that it serves; the first is dialed. */
  readonly paths: readonly string[];
  /** The cluster, beginning with its present state. Completes at the close. */
  readonly cluster$: Observable<ClusterState>;
  /** What belongs to no call: handler errors, lost backpressure, rejections, protocol faults. */
  readonly events$: Observable<GridEvent>;
  /** @internal */
  readonly lifetime: Lifetime;

  readonly #options: ManagerOptions;
  readonly #endpoint: Endpoint;
  readonly #loopback: Peer;
  readonly #peers = new BehaviorSubject<ReadonlyMap<string, Peer>>(new Map());
  readonly #leaves: Leaves | undefined;
  readonly #handshakes: Handshakes;
  #membership: Subscription | undefined = undefined;
  #started: Promise<void> | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;
  #state: 'created' | 'started' | 'closed' = 'created';

  /** @throws ConfigurationError for an option that is unknown, missing, or cannot work, such as a host name in another form. */
  constructor(options: ManagerOptions) {
    checkOptions(options, managerRules, { of: 'Manager', required: ['local', 'hosts', 'auth'] });
    this.#options = options;
    this.local = parseHost(options.local);
    this.paths = typeof options.path === 'string' ? [options.path] : (options.path ?? [defaultPath]);
    for (const path of this.paths) dialUrl(this.local, path);
    if (this.paths.length === 0)
      throw new ConfigurationError('A manager needs a path. Leave the option out for the default one.');
    this.#endpoint = new Endpoint(options, (host, parent) => this.#routesTo(host).onBehalfOf(parent));
    this.events$ = this.#endpoint.events$;
    this.expectStart(false);
    this.lifetime = { runtime: this.#endpoint.runtime, closed$: this.events$.pipe(ignoreElements()) };
    this.#handshakes = new Handshakes(this.#endpoint, this.local, (authorization) => this.#vouch(authorization));
    this.#loopback = createPeer(this.#endpoint, this.local);
    this.#leaves =
      options.leaves && new Leaves(this.#endpoint, options.leaves, this.local, (name) => this.#isHost(name));
    if (!isObservable(options.hosts)) this.#setHosts(options.hosts);
    // As state$ of a connection: who asks after the close gets the last state.
    const cluster$ = defer(() => (this.closed ? of(this.#peers.value) : this.#peers)).pipe(
      switchMap((peers) => {
        const states = [...peers.values()].map((peer) =>
          peer.connection.state$.pipe(map((state): HostState => ({ ...state, dials: peer.dials }))),
        );
        return states.length === 0 ? of([]) : combineLatest(states);
      }),
      map((hosts): ClusterState => ({ local: this.local, hosts })),
    );
    this.cluster$ = isolated(cluster$);
  }

  /** Registers the handler of a unary route. @throws ConfigurationError where the route has one. */
  handle<Q extends Shape, R extends Shape>(
    route: Unary<Q, R>,
    handler: (request: Received<Q>, call: Call<never>) => One<Sent<R>>,
  ): void;
  /** Registers the handler of a duplex route. @throws ConfigurationError where the route has one. */
  handle<Q extends Shape, I extends Shape | undefined, O extends Shape>(
    route: Duplex<Q, I, O>,
    handler: (request: Received<Q>, call: Call<Received<I>>) => Output<O>,
  ): void;
  handle(route: Bound['route'], handler: Handler): void {
    this.#endpoint.registry.add({ route, handler });
  }

  /** Registers a handler of opaque bytes. @throws ConfigurationError where its address has one, or cannot work. */
  handleRaw(handler: RawHandler): void {
    this.#endpoint.registry.addRaw(handler);
  }

  /**
   * The connection to a host of the configuration, to this one (in memory), or to a leaf by its identity.
   *
   * @throws ConfigurationError for a host that is none of these.
   */
  connection(host: string): Connection {
    return this.#routesTo(host);
  }

  /**
   * Starts to dial the peers that this host dials. In Node, `listen()` and `attach()` do it. Once; later calls do nothing.
   * Before it, calls fail at once, but for those with `waitForConnect`.
   *
   * @throws ConfigurationError where WebAssembly is forbidden.
   */
  start(): Promise<void> {
    if (this.#started === undefined) {
      this.expectStart(true);
      this.#started = this.#start();
    }
    return this.#started;
  }

  /** Whether a start is under way: calls then wait for a connection. Without effect once `start` was called. */
  protected expectStart(expected: boolean): void {
    if (this.#started !== undefined) return;
    this.#endpoint.held = expected
      ? undefined
      : `the manager of ${this.local} is not started: call listen() or attach() first, or start() where there is no server`;
  }

  /** True after `close()`. */
  protected get closed(): boolean {
    return this.#state === 'closed';
  }

  /** Takes an open socket that somebody dialed: the handshake decides who it is. For transports; in Node, `listen()` and `attach()` call it. */
  accept(socket: Socket, info: DialerInfo = {}): void {
    this.#handshakes.accept(socket, info, (request) => this.#admit(request, info));
  }

  /**
   * Closes every connection; calls in flight fail. A closed manager cannot be started again. Further calls give the result
   * of the first one.
   *
   * Everything is closed, whatever fails meanwhile; then the Promise rejects with an AggregateError of what did. What the
   * code of callers and handlers throws is reported as ever, and is none of it.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.closeAll());
  }

  /** What {@link close} does, once. */
  protected async closeAll(): Promise<void> {
    this.#state = 'closed';
    const errors = new ThrownErrors();
    guarded(errors.add, () => this.#membership?.unsubscribe());
    guarded(errors.add, () => {
      this.#handshakes.close();
    });
    for (const peer of [...this.#peers.value.values(), this.#loopback]) guarded(errors.add, closePeer, peer);
    guarded(errors.add, () => this.#leaves?.close());
    this.#peers.complete();
    this.#endpoint.close();
    errors.throwAny(`${this.local} is closed, and some of it failed to close as it should.`);
  }

  async #start(): Promise<void> {
    try {
      await this.#endpoint.prepare();
    } catch (error) {
      this.#endpoint.held = `the manager of ${this.local} could not start: ${errorText(error)}`;
      throw error;
    }
    if (this.#state !== 'created') return;
    this.#state = 'started';
    startLoopback(this.#endpoint, this.#loopback);
    for (const peer of this.#peers.value.values()) this.#startPeer(peer);
    // Now it is known who dials.
    this.#peers.next(this.#peers.value);
    const { hosts } = this.#options;
    if (!isObservable(hosts)) return;
    const refuse = (host: string, reason: string): void => {
      this.#endpoint.report({ type: 'rejected', host, by: 'local', reason });
    };
    const failed = (error: unknown): void => {
      refuse(this.local, `The list of hosts cannot be used, and the last one stays: ${errorText(error)}`);
    };
    this.#membership = hosts.subscribe({
      next: (names) => {
        guarded(failed, () => {
          this.#setHosts(checkHosts(names).filter((name) => isHost(name, refuse)));
        });
      },
      error: (error: unknown) => {
        refuse(this.local, `The Observable of the hosts failed, and its last list stays: ${errorText(error)}`);
      },
    });
  }

  #startPeer(peer: Peer): void {
    const { auth, dial } = this.#options;
    startPeer(this.#endpoint, this.local, peer, auth, this.paths[0]!, dial ?? dialWebSocket);
  }

  #setHosts(names: readonly string[]): void {
    const peers = new Map<string, Peer>();
    const before = this.#peers.value;
    for (const name of names) {
      parseHost(name);
      if (name === this.local || peers.has(name)) continue;
      peers.set(name, before.get(name) ?? createPeer(this.#endpoint, name));
    }
    for (const peer of before.values()) if (!peers.has(peer.host)) guarded(reportUnhandled, closePeer, peer);
    if (this.#state === 'started') {
      for (const peer of peers.values()) {
        if (before.has(peer.host)) continue;
        guarded(reportUnhandled, () => {
          this.#startPeer(peer);
        });
      }
    }
    this.#peers.next(peers);
    this.#leaves?.hostsChanged();
  }

  #isHost(name: string): boolean {
    return name === this.local || this.#peers.value.has(name);
  }

  #routesTo(host: string): RouteConnection {
    if (host === this.local) return this.#loopback.routes;
    const found = this.#peers.value.get(host)?.routes ?? this.#leaves?.get(host);
    if (found !== undefined) return found;
    const known = [...this.#peers.value.keys()].join(', ');
    // Hosts that come from an Observable are known only after the start.
    const { held } = this.#endpoint;
    const why = held === undefined || !isObservable(this.#options.hosts) ? '' : ` As yet ${held}.`;
    throw new ConfigurationError(
      `${host} is no host of this cluster. Known: ${known === '' ? 'none' : known}. Names are compared byte for byte.${why}`,
    );
  }

  async #verify(token: string, remote: string): Promise<void> {
    const wallNow = (): number => this.#endpoint.runtime.wallNow();
    await checkToken(refusedReason, () => this.#options.auth.verify(token, { local: this.local, remote, wallNow }));
  }

  // A process that dials again replaces its own connection, and that of a process that is gone.
  async #checkDuplicate({ host, connection }: Peer, id: Uint8Array): Promise<void> {
    const { link } = connection;
    if (link === undefined || link.remoteId.every((byte, index) => byte === id[index])) return;
    if (!(await link.answers(duplicateProbe))) return;
    this.#endpoint.report({ type: 'duplicate-host', host, at: this.local });
    sendDuplicateNotice(link);
    throw new DuplicateHostRejection(
      `another process calls itself ${host} and is connected to ${this.local}: give each process a name of its own, or stop the other one`,
    );
  }

  // See Handshakes.
  async #vouch(authorization: string): Promise<boolean> {
    const token = /^Bearer (.+)$/i.exec(authorization)?.[1];
    if (token === undefined) return false;
    try {
      const host = await this.#options.auth.claimedHost?.(token);
      if (host === undefined || !this.#peers.value.has(host)) return false;
      await this.#verify(token, host);
      return true;
    } catch {
      return false;
    }
  }

  async #checkPeer(peer: Peer, request: ConnectRequest): Promise<void> {
    checkClock(request, this.#endpoint);
    await this.#verify(request.token, peer.host);
    if (peer.dials === 'local') {
      throw new Error(`wrong direction: ${this.local} dials ${peer.host}, which its name decides`);
    }
    await this.#checkDuplicate(peer, request.id);
  }

  // The order of the checks is the protocol's: wire protocol, section 4.
  async #admit(request: ConnectRequest, info: DialerInfo): Promise<Admission> {
    // A host may be dialed while it starts.
    await this.#started;
    if (this.#state !== 'started') throw new Error(`${this.local} is not started, or closed`);
    if (request.leaf === true) {
      if (this.#leaves === undefined)
        throw new Error(`${this.local} takes no leaves: give its Manager the option leaves: { authenticate }`);
      return this.#leaves.admit(request, info);
    }
    const peer = this.#peers.value.get(request.host);
    if (peer === undefined) {
      throw new Error(
        `unknown incoming host: ${request.host} is not among the hosts of ${this.local}: add it, spelt exactly so`,
      );
    }
    try {
      await this.#checkPeer(peer, request);
    } catch (error) {
      peer.rejected(errorText(error));
      throw error;
    }
    return {
      tls: usesTls(this.local) && usesTls(peer.host),
      open: (socket, agreement, remoteId) => {
        peer.connection.open(
          this.#endpoint.link(peer.connection, {
            socket,
            agreement,
            remoteId,
            caller: { name: peer.host, kind: 'host' },
          }),
        );
      },
    };
  }
}

// A source of hosts may be a look-up that found nothing, or JSON that somebody wrote. @throws TypeError where it is no list.
function checkHosts(names: unknown): readonly unknown[] {
  if (Array.isArray(names)) return names;
  throw new TypeError(`the Observable of the hosts emitted ${kindOf(names)}; it must emit arrays of host names`);
}

// There is nobody to throw to while the hosts change.
function isHost(name: unknown, refuse: (name: string, reason: string) => void): name is string {
  if (typeof name !== 'string') {
    refuse(kindOf(name), `A host name must be a text, such as "http://10.0.0.1:9000"; it is ${kindOf(name)}.`);
    return false;
  }
  try {
    parseHost(name);
    return true;
  } catch (error) {
    refuse(name, errorText(error));
    return false;
  }
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : value === undefined ? 'undefined' : `a value of type ${typeof value}`;
}

function closePeer({ stop, connection }: Peer): void {
  try {
    stop();
  } finally {
    connection.close();
  }
}
