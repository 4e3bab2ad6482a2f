import { isObservable, type Observable } from 'rxjs';
import { aFunction, anObject, withMethods, type Rule } from '../check.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import type { Dial } from '../transport/socket.js';
import type { Auth } from './accept/auth.js';
import { endpointRules, type EndpointOptions } from './endpoint.js';
import { quorumRule, type ReadyQuorum } from './health.js';
import type { LeafOptions } from './leaves/leaves.js';
import type { RelayOptions } from './relay.js';

/** Options of a {@link Manager}. */
export interface ManagerOptions extends EndpointOptions {
  /** Name of this host: its base URL, exactly as in the configuration of the other hosts. */
  readonly local: string;
  /**
   * Names of all hosts of the cluster, this one included, without duplicates. An empty list is a host without a
   * cluster, for instance one that serves leaves only.
   *
   * An Observable can change the list: hosts that are new are connected, and the connections to hosts that are gone are
   * closed. It cannot throw to anybody, so a list that a static option would refuse is handled as follows, with an
   * event `host-list`: an empty list is ignored and the previous one stays, because a look-up that found nothing must
   * not disconnect the cluster; a list without this host is applied (a host that starts or leaves may not be listed);
   * duplicates are removed. An invalid name is skipped, with an event `rejected`.
   */
  readonly hosts: readonly string[] | Observable<readonly string[]>;
  /** Signs and verifies the tokens between hosts, for instance `sharedSecret(…)`. */
  readonly auth: Auth;
  /** Path of the WebSocket. If there are several, all are served and the first is dialed. Default `/minio/grid/v1`. */
  readonly path?: string | readonly string[];
  /** Accepts leaves. Default: leaves are rejected. */
  readonly leaves?: LeafOptions;
  /** Opens WebSockets. Default isomorphic-ws. */
  readonly dial?: Dial;
  /** Makes calls for other hosts and for leaves: `connection.via(host)` there. Default: none are made. */
  readonly relay?: RelayOptions;
  /**
   * Connections to other hosts that `health$` and the readiness probe wait for: a number, or `'majority'` for those
   * that make a majority of all hosts with this one, once there is a list of hosts. Default 0.
   */
  readonly readyQuorum?: ReadyQuorum;
}

const isListOfStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** Validation rules of {@link ManagerOptions}. */
export const managerRules: Readonly<Record<keyof ManagerOptions, Rule>> = {
  ...endpointRules,
  local: {
    expected: "the base URL of this host, such as 'http://10.0.0.1:9000'",
    accepts: (value) => typeof value === 'string',
  },
  hosts: {
    expected: "a list of the base URLs of all hosts, such as ['http://10.0.0.1:9000'], or an Observable of such lists",
    accepts: (value) => isObservable(value) || isListOfStrings(value),
    hint: foreignObservableHint,
  },
  auth: withMethods('what signs and checks the tokens between hosts, such as sharedSecret(secret)', 'sign', 'verify'),
  path: {
    expected: "a path such as '/minio/grid/v1', or a list of paths",
    accepts: (value) => typeof value === 'string' || isListOfStrings(value),
  },
  leaves: anObject,
  dial: aFunction('opens WebSockets'),
  relay: anObject,
  readyQuorum: quorumRule,
};
