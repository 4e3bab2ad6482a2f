/**
 * The hosts of one cluster, this one among them.
 *
 *     created ──start──▶ started ──stopFollowing──▶ the list is fixed ──close──▶ closed
 */

import { isObservable, type Observable } from 'rxjs';
import type { RouteConnection } from '../../calls/route-connection.js';
import { ConfigurationError } from '../../errors.js';
import { guarded, type OnThrown } from '../../guard.js';
import type { Dial } from '../../transport/socket.js';
import type { Auth } from '../accept/auth.js';
import type { Endpoint } from '../endpoint.js';
import { clusterState, type ClusterState } from './cluster-state.js';
import { Membership } from './membership.js';
import { closePeer, createPeer, startLoopback, startPeer, type Peer } from './peers.js';

/** What {@link Hosts} needs from its manager. */
export interface HostsOptions {
  readonly endpoint: Endpoint;
  readonly local: string;
  readonly hosts: readonly string[] | Observable<readonly string[]>;
  readonly auth: Auth;
  /** The path that is dialed at other hosts. */
  readonly path: string;
  readonly dial: Dial;
  /** Called after the list has changed. */
  readonly changed: () => void;
}

/** The connections of one host to all others, and in memory to itself. */
export class Hosts {
  /** The state of the cluster, starting with the current one. After the close it emits the last state. */
  readonly state$: Observable<ClusterState>;
  /** The names of the current list, and the peers. Its observers are done when it is completed, after {@link close}. */
  readonly membership: Membership;
  /** This host, in memory. */
  readonly loopback: Peer;
  readonly #options: HostsOptions;
  #closed = false;

  /** @throws ConfigurationError for a static list that is not valid. */
  constructor(options: HostsOptions) {
    this.#options = options;
    const { endpoint, local, hosts, auth, path, dial, changed } = options;
    this.loopback = createPeer(endpoint, local);
    this.membership = new Membership({
      endpoint,
      local,
      hosts,
      startPeer: (peer) => {
        startPeer(endpoint, local, peer, auth, path, dial);
      },
      changed,
    });
    this.state$ = clusterState(local, this.membership, () => this.#closed);
  }

  /** True for this host, and for each host of the list. */
  has(name: string): boolean {
    return this.routesTo(name) !== undefined;
  }

  /** The calls by route to a host; undefined for a name that is not in the list. */
  routesTo(name: string): RouteConnection | undefined {
    return name === this.#options.local ? this.loopback.routes : this.membership.peers.get(name)?.routes;
  }

  /** The error of a call to a name that is neither a host nor a leaf. */
  unknown(name: string): ConfigurationError {
    const known = [...this.membership.peers.keys()].join(', ');
    // Hosts that come from an Observable are known only after the start, and after its first list.
    const { notStarted } = this.#options.endpoint;
    const late =
      notStarted === undefined ? 'The list may come later: wait until cluster$ has the host' : `As yet ${notStarted}`;
    const why = isObservable(this.#options.hosts) && !this.#closed ? ` ${late}.` : '';
    return new ConfigurationError(
      `${name} is no host of this cluster. Known: ${known === '' ? 'none' : known}. Names are compared byte for byte.${why}`,
    );
  }

  /** Links this host with itself, and starts to dial the others or to wait for them. */
  start(): void {
    startLoopback(this.#options.endpoint, this.loopback);
    this.membership.start();
  }

  /** Stops following the list of hosts. */
  stopFollowing(): void {
    this.#closed = true;
    this.membership.unsubscribe();
  }

  /** Closes the connections to all hosts, those that were removed from the list among them. */
  close(onThrown: OnThrown): void {
    this.membership.closeRetiring();
    for (const peer of [...this.membership.peers.values(), this.loopback]) guarded(onThrown, closePeer, peer);
  }
}
