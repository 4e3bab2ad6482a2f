import type { Observable } from 'rxjs';
import type { Connection } from '../contract/connection.js';
import type { Runtime } from '../runtime.js';

/** How busy and how far away a host is, as calls to any host choose by it. */
export interface HostLoad {
  readonly host: string;
  /** True while new calls to it can be sent: it is connected and does not drain. */
  readonly available: boolean;
  /** Calls of this host to it that are open now. */
  readonly inFlight: number;
  /** Round-trip time of the last ping, in ms; undefined while there is none, and for this host itself. */
  readonly rtt: number | undefined;
}

/** The hosts of a cluster, as calls to many of them need them. */
export interface ClusterHosts {
  readonly runtime: Runtime;
  /** All hosts, this one among them, beginning with the present ones. Completes when the endpoint closes. */
  readonly names$: Observable<readonly string[]>;
  /** The present ones. */
  names(): readonly string[];
  /** @throws ConfigurationError for a host that is not among them. */
  connection(host: string): Connection;
  load(host: string): HostLoad;
}
