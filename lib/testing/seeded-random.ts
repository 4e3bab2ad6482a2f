/**
 * Random numbers from a seed: the same seed gives the same numbers (Mulberry32).
 *
 * Each part that needs randomness takes a {@link SeededRandom.fork} of its own. So one more random choice in one place
 * changes nothing in another one, and a failing seed stays a failing seed while you look for the cause.
 */
export class SeededRandom {
  /** The seed, for failure messages. */
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0 to `count` − 1. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A waiting time in whole ms, 1 or more, whose mean is `mean`: as of events that are independent of each other. */
  interval(mean: number): number {
    return Math.max(1, Math.round(-Math.log(1 - this.next()) * mean));
  }

  /** One of them. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('There is nothing to pick from.');
    return items[this.below(items.length)]!;
  }

  /** Randomness of its own, which depends on the seed and the label alone, not on what was taken before. */
  fork(label: string): SeededRandom {
    // FNV-1a of the label, mixed with the seed.
    let hash = 0x811c_9dc5 ^ this.seed;
    for (let index = 0; index < label.length; index++) hash = Math.imul(hash ^ label.charCodeAt(index), 0x0100_0193);
    return new SeededRandom(hash);
  }
}
