import type { Totals } from './model.js';

/** A sample each second, of five minutes. */
const interval = 1_000;
const maxSamples = 300;

export type TotalName = keyof Totals;

/** The totals of the last minutes, for the sparklines. */
export class TotalsHistory {
  #samples: readonly Totals[] = [];
  #at = -Infinity;

  /** Keeps a sample, unless the last one is too young. */
  add(totals: Totals, now: number): void {
    if (now - this.#at < interval - 50) return;
    this.#at = now;
    this.#samples = [...this.#samples, totals].slice(-maxSamples);
  }

  /** The values of one figure, the newest last; undefined where no host reported it. */
  of(name: TotalName): readonly (number | undefined)[] {
    return this.#samples.map((sample) => sample[name]);
  }

  static readonly length = maxSamples;
}
