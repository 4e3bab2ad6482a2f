import { aFunction, checkOptions } from '../../check.js';
import { GridAssertionError } from '../marbles/assertion.js';
import { inspect } from '../marbles/inspect.js';
import type { Invariant } from '../simulation/invariant.js';
import type { Simulation } from '../simulation/workload.js';
import type { HistoryEntry } from './history.js';

/** Options of {@link noLostUpdate}. */
export interface NoLostUpdateOptions<Operation, Result = unknown> {
  /**
   * What identifies the update that an operation makes, such as an id; undefined where it makes none. `outcome`: what the
   * operation gave, which may say that it changed nothing, such as a reservation that came too late; undefined where its
   * answer was lost, or it was never sent.
   */
  readonly update: (
    operation: Operation,
    outcome: { readonly result: Result } | undefined,
  ) => string | number | undefined;
  /** The updates that are there at the end, each once. */
  readonly present: (simulation: Simulation) => Iterable<string | number>;
}

const rules = {
  update: aFunction('identifies the update that an operation makes'),
  present: aFunction('returns the updates that are there at the end'),
};

/**
 * Every update that was acknowledged is there at the end; none is there that was never sent, and none twice. An update
 * whose answer was lost may be there or not.
 *
 * @throws ConfigurationError for an unknown, missing or invalid option.
 */
export function noLostUpdate<Operation, Result = unknown>(options: NoLostUpdateOptions<Operation, Result>) {
  checkOptions(options, rules, { of: 'noLostUpdate', required: ['update', 'present'] });
  const { update, present } = options;
  return (simulation: Simulation): Invariant => ({
    name: 'no update is lost',
    end: () => {
      const there = new Map<string | number, number>();
      for (const id of present(simulation)) there.set(id, (there.get(id) ?? 0) + 1);
      const wrong = (simulation.history.entries as readonly HistoryEntry<Operation, Result>[]).flatMap((entry) => {
        const id = update(entry.operation, entry.outcome === 'ok' ? { result: entry.result as Result } : undefined);
        if (id === undefined) return [];
        const count = there.get(id) ?? 0;
        there.delete(id);
        const what = `${inspect(entry.operation)} at ${Math.round(entry.beganAt)} ms`;
        if (entry.outcome === 'ok' && count === 0) return [`${what} was acknowledged, and is not there`];
        if (entry.outcome === 'fail' && count > 0) return [`${what} was never sent, and is there`];
        return count > 1 ? [`${what} is there ${count} times`] : [];
      });
      wrong.push(...[...there.keys()].map((id) => `${inspect(id)} is there, and no operation made it`));
      if (wrong.length > 0) throw new GridAssertionError(wrong.join('; '), wrong, []);
    },
  });
}
