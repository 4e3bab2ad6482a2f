import type { LeafConnection } from '../../endpoint/leaves/leaf.js';
import type { Cable } from './cable.js';
import type { FaultParty, FaultTarget } from './fault-target.js';
import type { MemoryNetwork } from './memory-network.js';

/** A leaf of a cluster: its connection to the host that it dials, and a target of faults. */
export interface ClusterLeaf extends LeafConnection, FaultTarget, FaultParty {
  /** Short name: the end of its cable, in faults and transcripts. */
  readonly name: string;
  /** The one cable that it has. */
  readonly cables: readonly Cable[];
  /** Its own name, and that of the host. */
  readonly ends: readonly [string, string];
  /** The cable to a host. */
  cable(to: string): Cable;
}

/** Makes a leaf a target of faults. `host`: the short name of the host that it dials. */
export function clusterLeaf(leaf: LeafConnection, name: string, host: string, network: MemoryNetwork): ClusterLeaf {
  const cable = network.cable(name, host);
  const target: Omit<ClusterLeaf, keyof LeafConnection> = {
    name,
    cables: [cable],
    ends: [name, host],
    cable: (to) => network.cable(name, to),
    interfere: (fault) => cable.interfere(fault),
  };
  return Object.assign(leaf, target);
}
