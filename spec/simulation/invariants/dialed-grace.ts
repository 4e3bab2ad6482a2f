import type { Manager } from '../../../lib/index.js';
import { defaultLimits } from '../../../lib/limits.js';
import { shortName, type Invariant, type Simulation } from '../../../lib/testing/index.js';
import type { Reasons } from '../reasons.js';

/** Ms beside the grace: the state is looked at before each step. */
const slack = 5;

/**
 * A host that is dialed by another one waits for that no longer than its grace, after the start and after each loss.
 */
export function dialedGrace(
  { clock, cluster }: Simulation,
  reasons: Reasons,
): { readonly invariant: Invariant; watch(manager: Manager, name: string): void } {
  // Since when a manager waits for each host that dials it.
  const waiting = new Map<Manager, { readonly name: string; readonly since: Map<string, number> }>();
  const check = (): void => {
    const now = clock.elapsed;
    for (const [manager, { name, since }] of waiting) {
      const host = cluster.host(name);
      if (host.manager !== manager || !host.running) {
        waiting.delete(manager);
        continue;
      }
      if (reasons.paused(name, now)) continue;
      for (const [other, from] of since) {
        const { dialedGrace: grace } = defaultLimits;
        const most = grace + reasons.pausedFor(name, from, now) + reasons.drift(grace) + slack;
        if (now - from > most) throw new Error(`${name} waits for ${other} since ${Math.round(now - from)} ms`);
      }
    }
  };
  return {
    invariant: { name: 'a host waits to be dialed for its grace, and no longer', step: check, end: check },
    watch(manager, name) {
      const since = new Map<string, number>();
      waiting.set(manager, { name, since });
      manager.cluster$.subscribe(({ hosts }) => {
        for (const { host, status, dials } of hosts) {
          const other = shortName(host);
          if (status !== 'connecting' || dials !== 'remote') since.delete(other);
          else if (!since.has(other)) since.set(other, clock.elapsed);
        }
      });
    },
  };
}
