import { combineLatest, defer, map, of, switchMap, type Observable } from 'rxjs';
import type { ConnectionState } from '../../connection/connection-state.js';
import type { Membership } from './membership.js';

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

/**
 * The cluster as `local` sees it. A subscriber after the close gets the last state, as with `state$` of a connection.
 */
export function clusterState(local: string, membership: Membership, closed: () => boolean): Observable<ClusterState> {
  return defer(() => (closed() ? of(membership.peers) : membership.peers$)).pipe(
    switchMap((peers) => {
      const states = [...peers.values()].map((peer) =>
        peer.connection.state$.pipe(map((state): HostState => ({ ...state, dials: peer.dials }))),
      );
      return states.length === 0 ? of([]) : combineLatest(states);
    }),
    map((hosts): ClusterState => ({ local, hosts })),
  );
}
