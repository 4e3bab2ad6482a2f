import { take } from 'rxjs';
import { errorText } from '../../errors.js';
import type { Cluster } from '../network/cluster.js';
import { shortName } from '../network/memory-network.js';
import type { Invariant } from './invariant.js';
import type { Simulation } from './workload.js';

/** Asks each invariant whether it holds at this time. */
export function checkInvariants(
  invariants: readonly Invariant[],
  when: 'step' | 'end' | 'closed',
  violate: Simulation['violate'],
): void {
  for (const invariant of invariants) {
    try {
      invariant[when]?.();
    } catch (error) {
      violate(invariant.name, errorText(error));
    }
  }
}

/** Each two hosts are connected. */
export function checkConnected({ hosts: all }: Cluster, violate: Simulation['violate']): void {
  const rule = 'the hosts are connected again after the faults';
  for (const { name, manager } of all) {
    // It replays its last value.
    manager.cluster$.pipe(take(1)).subscribe(({ hosts }) => {
      for (const { host, status } of hosts) {
        if (status !== 'connected') violate(rule, `${name} to ${shortName(host)}: ${status}`);
      }
    });
  }
}
