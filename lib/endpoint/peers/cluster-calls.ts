import type { Observable } from 'rxjs';
import { anyHost, type AnyHostOptions } from '../../cluster/any-host.js';
import type { ClusterHosts } from '../../cluster/cluster-hosts.js';
import { everyHost, type EveryHostOptions } from '../../cluster/every-host.js';
import type { HostOutcome } from '../../cluster/host-outcome.js';
import { Latencies } from '../../cluster/latencies.js';
import { ownersOf } from '../../cluster/owners-of.js';
import type { RouteConnection } from '../../calls/route-connection.js';
import type { Received, Shape, TypeOnly } from '../../codec/codec.js';
import type { Payload } from '../../contract/connection.js';
import type { Duplex, Unary } from '../../contract/contract.js';
import { ConfigurationError } from '../../errors.js';
import { isolated } from '../../flow/unhandled.js';
import type { Endpoint } from '../endpoint.js';
import type { Hosts } from './hosts.js';

/** A route whose calls need no input. */
type Callable<Q extends Shape, R extends Shape> = Unary<Q, R> | Duplex<Q, undefined, R>;

/** See {@link ClusterCalls.everyHost}. */
export interface EveryHost {
  <R extends Shape>(
    route: Callable<TypeOnly<void>, R>,
    value?: undefined,
    options?: EveryHostOptions<Received<R>>,
  ): Observable<HostOutcome<Received<R>>>;
  <Q extends Shape, R extends Shape>(
    route: Callable<Q, R>,
    value: Payload<Q>,
    options?: EveryHostOptions<Received<R>>,
  ): Observable<HostOutcome<Received<R>>>;
}

/** See {@link ClusterCalls.anyHost}. */
export interface AnyHost {
  <R extends Shape>(
    route: Callable<TypeOnly<void>, R>,
    value?: undefined,
    options?: AnyHostOptions,
  ): Observable<Received<R>>;
  <Q extends Shape, R extends Shape>(
    route: Callable<Q, R>,
    value: Payload<Q>,
    options?: AnyHostOptions,
  ): Observable<Received<R>>;
}

/** Calls to many hosts of a cluster. */
export interface ClusterCalls {
  /**
   * Calls every host, this one among them, and emits what each of them gives: `{ host, value }` or `{ host, error }`.
   * It never errors itself. Cold, as every call: each subscription calls, and unsubscribing cancels what runs.
   *
   * A unary route gives one outcome of each host; it then completes. A stream gives its items, each with its host, and
   * a failure for each stream that fails; it follows the list of hosts while it runs: a host that joins is called, and
   * the stream of one that is removed ends. It completes when no stream is left. Credit follows the consumer, for each
   * host.
   *
   * @throws ConfigurationError for options that cannot work.
   *
   * @example grid.everyHost(diskInfo, { disk: 1 }, { timeout: 500 }).pipe(quorum(2)).subscribe(({ host, value }) =>
   * show(host, value));
   */
  readonly everyHost: EveryHost;
  /**
   * Calls one of the hosts: by default the better one of two that are drawn, by calls in flight and round-trip time,
   * among those that are connected and do not drain. Cold.
   *
   * A call that fails is made at another host where that is safe: nothing of it was begun (`sent: false`, so also when
   * a host drains), or the route is declared idempotent and the error is retryable. Where the route is unary and
   * idempotent, and the answer takes longer than those of 95 of 100 calls, a second host is called, too, and the first
   * answer counts. A stream that has emitted stays where it is. The error is that of the last attempt.
   *
   * @throws ConfigurationError for options that cannot work.
   */
  readonly anyHost: AnyHost;
  /**
   * The hosts that own a key, best first, by rendezvous hashing over the list of hosts. All hosts that have the same
   * list agree; when a host comes or goes, only its share of the keys moves. Whether an owner is connected makes no
   * difference.
   *
   * @param count - How many owners; fewer are given where there are fewer hosts. Default 1.
   * @throws ConfigurationError before the start, and for a key or a count that cannot work.
   */
  readonly ownersOf: (key: string, count?: number) => readonly string[];
}

/** Makes the calls to many hosts of one manager. */
export function clusterCalls(
  endpoint: Endpoint,
  { loopback: { connection: loopback }, membership }: Hosts,
  routesTo: (host: string) => RouteConnection,
): ClusterCalls {
  const local = loopback.host;
  const latencies = new Latencies();
  const hosts: ClusterHosts = {
    runtime: endpoint.runtime,
    names$: isolated(membership.names$),
    names: () => membership.names,
    connection: routesTo,
    load: (host) => {
      const connection = host === local ? loopback : membership.peers.get(host)?.connection;
      if (connection === undefined) return { host, available: false, inFlight: 0, rtt: undefined };
      const { openOut, rtt } = connection.stats;
      return { host, available: connection.state.status === 'connected', inFlight: openOut, rtt };
    },
  };
  return {
    everyHost: (route: Callable<Shape, Shape>, value?: unknown, options?: EveryHostOptions<unknown>) =>
      everyHost(hosts, route, value, options) as Observable<never>,
    anyHost: (route: Callable<Shape, Shape>, value?: unknown, options?: AnyHostOptions) =>
      anyHost(hosts, latencies, route, value, options) as Observable<never>,
    ownersOf: (key, count = 1) => {
      const { checksum } = endpoint;
      if (checksum === undefined) {
        throw new ConfigurationError(
          `ownersOf works when the manager of ${local} is started: the hash is compiled then. Await listen(), attach() or start() first.`,
        );
      }
      return ownersOf(key, count, membership.names, (text) => checksum.hash64(text));
    },
  };
}
