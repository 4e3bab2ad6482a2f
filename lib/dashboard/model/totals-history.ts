import type { Totals } from './model.js';

/** A sample each second, of five minutes. */
const interval = 1_000;
const maxSamples = 300;

export type TotalName = keyof Totals;

type Values = readonly (number | undefined)[];

/** The totals of the last minutes, for the sparklines. */
export class TotalsHistory {
  #samples: readonly (Totals | undefined)[] = [];
  #at: number | undefined = undefined;
  readonly #values = new Map<TotalName, Values>();

  /**
   * Keeps a sample, unless the last one is too young. Seconds without one, such as those without a connection, are
   * gaps.
   */
  add(totals: Totals, now: number): void {
    const elapsed = this.#at === undefined ? interval : now - this.#at;
    if (elapsed < interval - 50) return;
    const gap = Math.min(maxSamples, Math.max(0, Math.round(elapsed / interval) - 1));
    this.#at = now;
    this.#samples = [...this.#samples, ...new Array<undefined>(gap).fill(undefined), totals].slice(-maxSamples);
    this.#values.clear();
  }

  /**
   * The values of one figure, the newest last; undefined where no host reported it. The same list until the next
   * sample.
   */
  of(name: TotalName): Values {
    let values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, (values = this.#samples.map((sample) => sample?.[name])));
    return values;
  }

  static readonly length = maxSamples;
}
