import type { SeededRandom } from '../seeded-random.js';

/** What a simulation demands when its faults are over. Times in virtual ms. */
export interface Liveness {
  /** Operations that are drawn, and must succeed. Default 10; 0 for none. */
  readonly operations?: number;
  /** The time in which they begin. Default 2 000. */
  readonly duration?: number;
  /** After that, an operation that is not over after so long violates. Default 10 000. */
  readonly within?: number;
  /**
   * Hosts that must do it without the others: so many, drawn from the seed, stay up while the others are down. The
   * names of the core are what `draw` of the workload gets. Default: all of them.
   */
  readonly core?: number;
}

/** The whole of {@link Liveness}, for so many hosts. */
export function livenessOf(given: Liveness | undefined, hosts: number): Required<Liveness> {
  return { operations: 10, duration: 2_000, within: 10_000, core: hosts, ...given };
}

/** Draws the hosts that stay up. */
export function chooseCore(random: SeededRandom, hosts: readonly string[], count: number): readonly string[] {
  const core = [...hosts];
  while (core.length > Math.max(1, count)) core.splice(random.below(core.length), 1);
  return core;
}
