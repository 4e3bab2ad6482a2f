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

/** Calls `notConnected` for each pair of hosts that is not connected. */
export function checkConnected({ hosts: all }: Cluster, notConnected: (text: string) => void): void {
  for (const { name, manager } of all) {
    // It replays its last value.
    manager.cluster$.pipe(take(1)).subscribe(({ hosts }) => {
      for (const { host, status } of hosts) {
        if (status !== 'connected') notConnected(`${name} to ${shortName(host)}: ${status}`);
      }
    });
  }
}
