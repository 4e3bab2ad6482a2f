import type { Observable } from 'rxjs';
import type { Connection } from '../contract/connection.js';
import type { Handles } from '../contract/handler.js';
import type { Manager } from '../endpoint/manager.js';
import type { ManagerOptions } from '../endpoint/manager-options.js';
import type { ClusterEvent } from './network/cluster.js';
import type { FaultCable, FaultHost, FaultTarget } from './network/fault-target.js';
import type { Faults } from './network/faults.js';
import type { SeededRandom } from './seeded-random.js';

/** One host of a {@link FlowCluster}, across its restarts. */
export interface FlowHost extends FaultHost, Handles {
  /** Name as the hosts know it. */
  readonly url: string;
  /** The manager of the present process; after a crash, the closed one. */
  readonly manager: Manager;
  /** The connection to another host, by its short name. After a restart, ask again. */
  connection(to: string): Connection;
}

/** Managers as a mesh, in memory or over sockets. */
export interface FlowCluster extends FaultTarget {
  readonly hosts: readonly FlowHost[];
  /** What belongs to no call, of all hosts. */
  readonly events$: Observable<ClusterEvent>;
  /** A host by its short name. @throws ConfigurationError for one that is not in the cluster. */
  host(name: string): FlowHost;
  /** The line between two hosts, by their short names. */
  cable(left: string, right: string): FaultCable & FaultTarget;
  /** Starts the hosts, and resolves when each is connected with all that run. */
  connected(): Promise<void>;
}

/** Options of a cluster, in memory or over sockets. */
export interface FlowClusterOptions extends Partial<
  Omit<ManagerOptions, 'local' | 'hosts' | 'runtime' | 'dial' | 'path'>
> {
  /** Short names of the hosts. */
  readonly hosts: readonly string[];
  /** Registers handlers at a manager: called before each start, so a restart loses what it keeps. */
  readonly setup?: (manager: Manager, name: string) => void;
}

/**
 * What a body can use that runs on virtual time (`gridTest`) and over real sockets (`socketTest` of
 * `rxgrid/testing/node`).
 */
export interface FlowContext {
  readonly faults: Faults;
  /** Randomness from the seed, for the test's own choices. */
  readonly random: SeededRandom;
  /** Makes hosts; await it. `await grid.connected()` starts them. */
  readonly cluster: (options: FlowClusterOptions) => FlowCluster | Promise<FlowCluster>;
  /** Lets time pass: ms, or a duration such as `5s`. */
  readonly advance: (time: number | string) => Promise<void>;
  /**
   * Waits until `condition` holds. Rejects where it does not within `limit`, by default `1m` of virtual and `20s` of
   * real time.
   */
  readonly until: (condition: () => boolean, limit?: number | string) => Promise<void>;
  /** Virtual time stands still until `work` has settled. */
  readonly hold: <T>(work: PromiseLike<T>) => Promise<T>;
}
