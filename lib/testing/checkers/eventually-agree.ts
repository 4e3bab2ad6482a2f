import { aFunction, checkOption } from '../../check.js';
import { equal } from '../marbles/equality.js';
import { GridAssertionError } from '../marbles/assertion.js';
import { inspect } from '../marbles/inspect.js';
import type { Invariant } from '../simulation/invariant.js';
import type { Simulation } from '../simulation/workload.js';

/**
 * At the end, when the faults are over and the hosts are connected again, all hosts have the same: what `view` gives
 * for the name of a host.
 *
 * ```ts
 * await simulate({ …, invariants: [eventuallyAgree((host) => stores.get(host)!.entries())] });
 * ```
 *
 * @throws ConfigurationError for a `view` that is no function.
 */
export function eventuallyAgree(view: (host: string, simulation: Simulation) => unknown) {
  checkOption('eventuallyAgree: view', view, aFunction('returns what a host has, by its name'));
  return (simulation: Simulation): Invariant => ({
    name: 'the hosts agree in the end',
    end: () => {
      const groups: { readonly value: unknown; readonly hosts: string[] }[] = [];
      for (const { name, running } of simulation.cluster.hosts) {
        if (!running) continue;
        const value = view(name, simulation);
        const group = groups.find((each) => equal(each.value, value));
        if (group === undefined) groups.push({ value, hosts: [name] });
        else group.hosts.push(name);
      }
      if (groups.length < 2) return;
      const lines = groups.map(({ value, hosts }) => `${hosts.join(', ')}: ${inspect(value)}`);
      throw new GridAssertionError(lines.join('; '), lines, []);
    },
  });
}
