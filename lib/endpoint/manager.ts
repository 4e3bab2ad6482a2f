/**
 * One host of a cluster: its connections to all others, its handlers, its leaves.
 *
 *     created ──start──▶ started ──close──▶ closed
 *     handlers first      peers dial or wait
 */

import type { Observable } from 'rxjs';
import type { RouteConnection } from '../calls/route-connection.js';
import { checkOptions } from '../check.js';
import type { Connection } from '../contract/connection.js';
import type { Handles } from '../contract/handler.js';
import { ConfigurationError, errorText } from '../errors.js';
import { isolated } from '../flow/unhandled.js';
import { guarded, ThrownErrors } from '../guard.js';
import { Registry } from '../handlers/registry.js';
import type { RouteFigures, StreamList, TransferList } from '../metrics/figures.js';
import { RouteMeters } from '../metrics/route-meter.js';
import type { GridEvent } from '../observe.js';
import type { Socket } from '../transport/socket.js';
import { dialWebSocket } from '../transport/ws-dial.js';
import type { DialerInfo } from './accept/acceptor.js';
import { clusterCalls, type ClusterCalls } from './peers/cluster-calls.js';
import type { ClusterState } from './peers/cluster-state.js';
import { Draining, type DrainOptions, type DrainResult } from './drain.js';
import { Endpoint } from './endpoint.js';
import { Gatekeeper } from './accept/gatekeeper.js';
import { Handshakes } from './accept/handshakes.js';
import { defaultPath, dialUrl, parseHost } from './host-name.js';
import { HealthMonitor, type Health } from './health.js';
import { LeafList, type LeavesState } from './leaves/leaf-list.js';
import { Leaves } from './leaves/leaves.js';
import { managerRules, type ManagerOptions } from './manager-options.js';
import { Hosts } from './peers/hosts.js';
import { figuresOf } from './observation.js';
import { relayHandlers } from './relay.js';
import { lifetimeOf, type ManagerLifetime } from './sampled.js';
import { Serving } from './serving.js';

/**
 * One host of a cluster: its connections to all others, its handlers and its leaves. That of `rxgrid/node` listens,
 * too.
 */
export class Manager extends Serving implements Handles {
  /** Name of this host. */
  readonly local: string;
  /** The paths that are served; the first one is dialed at the other hosts. */
  readonly paths: readonly string[];
  /**
   * The other hosts as this one sees them, starting with the current state. This host is not in the list: its name is
   * `local`. Completes when the manager is closed.
   */
  readonly cluster$: Observable<ClusterState>;
  /**
   * Emits the reason when a drain starts, also for late subscribers. Handlers end endless streams by it:
   * `takeUntil(grid.draining$)`.
   */
  readonly draining$: Observable<string>;
  /** Events that belong to no call: handler errors, lost backpressure, rejections, protocol faults. */
  readonly events$: Observable<GridEvent>;
  /** Counts, errors and durations by route and side: at once, and then every second. Completes at the close. */
  readonly routes$: Observable<readonly RouteFigures[]>;
  /** The open streams: at once, and then every second. Completes at the close. */
  readonly streams$: Observable<StreamList>;
  /** The files that are on their way: at once, and then every second. Completes at the close. */
  readonly transfers$: Observable<TransferList>;
  /** The leaves that are connected, and those that came and left. Completes at the close. */
  readonly leaves$: Observable<LeavesState>;
  /** Whether this host can be sent calls, beginning with the present state. Completes at the close. */
  readonly health$: Observable<Health>;
  /** Calls every host. See {@link ClusterCalls.everyHost}. */
  readonly everyHost: ClusterCalls['everyHost'];
  /** Calls one of the hosts. See {@link ClusterCalls.anyHost}. */
  readonly anyHost: ClusterCalls['anyHost'];
  /** The hosts that own a key. See {@link ClusterCalls.ownersOf}. */
  readonly ownersOf: ClusterCalls['ownersOf'];
  /** @internal */
  readonly lifetime: ManagerLifetime;
  /** @internal Registers the handlers of this host. */
  protected override readonly registry: Registry;

  readonly #endpoint: Endpoint;
  readonly #hosts: Hosts;
  readonly #leaves: Leaves | undefined;
  readonly #leafList: LeafList;
  readonly #handshakes: Handshakes;
  readonly #health: HealthMonitor;
  readonly #draining: Draining;
  #started: Promise<void> | undefined = undefined;
  #state: 'created' | 'started' | 'closed' = 'created';

  /** @throws ConfigurationError for an unknown, missing or invalid option, such as a host name in another form. */
  constructor(options: ManagerOptions) {
    super();
    checkOptions(options, managerRules, { of: 'Manager', required: ['local', 'hosts', 'auth'] });
    this.local = parseHost(options.local);
    this.paths = typeof options.path === 'string' ? [options.path] : (options.path ?? [defaultPath]);
    for (const path of this.paths) dialUrl(this.local, path);
    if (this.paths.length === 0)
      throw new ConfigurationError('A manager needs a path. Leave the option out for the default one.');
    const meters = new RouteMeters();
    this.#endpoint = new Endpoint(options, (host, parent) => this.#routesTo(host).onBehalfOf(parent), meters);
    this.registry = new Registry(this.#endpoint.serving);
    this.events$ = this.#endpoint.events$;
    this.expectStart(false);
    this.lifetime = lifetimeOf(this.#endpoint);
    this.#leafList = new LeafList(this.#endpoint.runtime);
    this.leaves$ = this.#leafList.leaves$;
    this.#leaves =
      options.leaves &&
      new Leaves(this.#endpoint, options.leaves, this.local, (name) => this.#hosts.has(name), this.#leafList);
    this.#draining = this.#createDraining();
    this.#hosts = this.#createHosts(options);
    this.#handshakes = new Handshakes(this.#endpoint, this.local, this.#createGatekeeper(options));
    if (options.relay !== undefined) {
      for (const bound of relayHandlers(options.relay, { local: this.local })) this.registry.add(bound);
    }
    this.cluster$ = isolated(this.#hosts.state$);
    this.#health = new HealthMonitor(
      this.local,
      options.readyQuorum ?? 0,
      this.#hosts.state$,
      () => this.#hosts.membership.listed,
    );
    this.health$ = isolated(this.#health.health$);
    ({
      routes$: this.routes$,
      streams$: this.streams$,
      transfers$: this.transfers$,
    } = figuresOf(meters, this.lifetime));
    ({
      everyHost: this.everyHost,
      anyHost: this.anyHost,
      ownersOf: this.ownersOf,
    } = clusterCalls(this.#endpoint, this.#hosts, (host) => this.#routesTo(host)));
    this.draining$ = this.#draining.reason$;
    this.draining$.subscribe(() => this.#health.enter('draining'));
  }

  /** @internal For observers of the wire. */
  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** True where leaves may connect. @internal */
  get takesLeaves(): boolean {
    return this.#leaves !== undefined;
  }

  /**
   * Returns the connection to a host of the cluster, to this host (in memory), or to a leaf by its identity.
   *
   * @throws ConfigurationError for any other name.
   */
  connection(host: string): Connection {
    return this.#routesTo(host);
  }

  /**
   * Starts to dial other hosts. In Node, `listen()` and `attach()` call it. Further calls have no effect. Before the
   * start, calls without `waitForConnect` fail at once.
   *
   * @throws ConfigurationError if WebAssembly is forbidden.
   */
  start(): Promise<void> {
    if (this.#started === undefined) {
      this.expectStart(true);
      this.#started = this.#start();
    }
    return this.#started;
  }

  /** Declares that a start is under way, so calls wait for a connection. No effect once `start` has been called. */
  protected expectStart(expected: boolean): void {
    if (this.#started !== undefined) return;
    this.#endpoint.notStarted = expected
      ? undefined
      : `the manager of ${this.local} is not started: call listen() or attach() first, or start() where there is no server`;
  }

  /** True after `close()`. */
  protected get closed(): boolean {
    return this.#state === 'closed';
  }

  /**
   * Accepts an open socket from a dialer; the handshake determines its identity. For transports: in Node, `listen()`
   * and `attach()` call it.
   */
  accept(socket: Socket, info: DialerInfo = {}): void {
    this.#handshakes.accept(socket, info);
  }

  /**
   * Ends the host for a rolling restart: announces that it drains, refuses new calls (`unavailable`, safe to repeat),
   * lets running calls finish, and closes. Meanwhile its handlers may make calls. What still runs after `timeout` is
   * cut off; the result counts it. Streams that this host subscribed to do not delay the end. A second drain returns
   * the result of the first one; the shorter timeout applies.
   *
   * Rejects with a ConfigurationError for an invalid option; nothing is drained then.
   */
  drain(options: DrainOptions = {}): Promise<DrainResult> {
    return this.#draining.start(options);
  }

  /**
   * Closes every connection; calls in flight fail. A closed manager cannot be started again. Further calls return the
   * Promise of the first one. A peer that does not answer the close frame, such as a frozen tab, is given up after 2 s.
   *
   * Everything is closed even if parts of it fail; then the Promise rejects with an AggregateError of these failures.
   * Errors thrown by callers and handlers are reported as usual and are not among them.
   */
  close(): Promise<void> {
    return this.#draining.closing(() => this.closeAll());
  }

  /** The implementation of {@link close}, called once. */
  protected async closeAll(): Promise<void> {
    this.#state = 'closed';
    this.#health.enter('closed');
    this.#leafList.close();
    const errors = new ThrownErrors();
    guarded(errors.add, () => {
      this.#hosts.stopFollowing();
    });
    guarded(errors.add, () => {
      this.#handshakes.close();
    });
    this.#hosts.close(errors.add);
    guarded(errors.add, () => this.#leaves?.close());
    this.#hosts.membership.complete();
    this.#endpoint.close();
    errors.throwAny(`${this.local} is closed, and some of it failed to close as it should.`);
  }

  async #start(): Promise<void> {
    try {
      await this.#endpoint.prepare();
    } catch (error) {
      this.#endpoint.notStarted = `the manager of ${this.local} could not start: ${errorText(error)}`;
      throw error;
    }
    if (this.#state !== 'created') return;
    this.#state = 'started';
    this.#health.enter('started');
    this.#hosts.start();
  }

  #createHosts({ hosts, auth, dial = dialWebSocket }: ManagerOptions): Hosts {
    return new Hosts({
      ...{ endpoint: this.#endpoint, local: this.local, hosts, auth, dial },
      path: this.paths[0]!,
      changed: () => {
        this.#leaves?.hostsChanged();
        this.#draining.connectionsAdded();
      },
    });
  }

  #createDraining(): Draining {
    return new Draining({
      runtime: this.#endpoint.runtime,
      connections: () => [...this.#hosts.membership.connections(), ...(this.#leaves?.connections() ?? [])],
      loopback: () => this.#hosts.loopback.connection,
      started: () => this.#state === 'started',
      close: () => this.close(),
    });
  }

  #createGatekeeper({ auth }: ManagerOptions): Gatekeeper {
    return new Gatekeeper({
      endpoint: this.#endpoint,
      local: this.local,
      auth,
      leaves: this.#leaves,
      draining: () => this.#draining.reason,
      peer: (host) => this.#hosts.membership.peers.get(host),
      started: async () => {
        await this.#started;
        return this.#state === 'started';
      },
    });
  }

  #routesTo(host: string): RouteConnection {
    const found = this.#hosts.routesTo(host) ?? this.#leaves?.get(host);
    if (found === undefined) throw this.#hosts.unknown(host);
    return found;
  }
}
