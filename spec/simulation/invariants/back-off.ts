import { take } from 'rxjs';
import type { Invariant, Simulation } from '../../../lib/testing/index.js';
import { rules, type Ledger } from '../ledger.js';

/** In back-off nothing waits but what was told to. */
export function backOff({ cluster, clock }: Simulation, ledger: Ledger): Invariant {
  return {
    name: rules.waiting,
    step() {
      for (const record of ledger.calls.values()) {
        const { from, to, waitForConnect, taker, route, late } = record.operation;
        // In the other ways the consumer's own time comes on top.
        const hearsAtOnce = route.startsWith('ask') || (taker === 'subscribe' && late === 0);
        if (record.overAt !== undefined || waitForConnect !== undefined || from === to || !hearsAtOnce) continue;
        if (clock.elapsed - record.beganAt <= 1) continue;
        const { manager } = cluster.host(from);
        manager.cluster$.pipe(take(1)).subscribe(({ hosts }) => {
          const state = hosts.find(({ host }) => host === cluster.host(to).url);
          if (state?.status !== 'back-off' || clock.wallNow() - state.since <= 1) return;
          ledger.violate(
            rules.waiting,
            record,
            `it waits, ${Math.round(clock.wallNow() - state.since)} ms in back-off`,
          );
        });
      }
    },
  };
}
