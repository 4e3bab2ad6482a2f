import type { Marks } from '../../runtime.js';
import type { SeededRandom } from '../seeded-random.js';

/** The share of the points that are active in one run, so that the runs differ in what they do. */
const activeShare = 0.3;
/** How often an active point takes its rare branch; each draws one of these. */
const rates: readonly number[] = [0.01, 0.05, 0.25];

/** The marks that one run reaches, and the points at which it takes a rare branch. */
export class RunMarks {
  readonly #random: SeededRandom;
  readonly #isRare: boolean;
  readonly #reached = new Map<string, number>();
  // Each point has randomness of its own, so that one more of them changes nothing at the others.
  readonly #points = new Map<string, { readonly random: SeededRandom; readonly rate: number }>();

  /** `isRare` false: no rare branch is taken. */
  constructor(random: SeededRandom, isRare: boolean) {
    this.#random = random;
    this.#isRare = isRare;
  }

  /** How often each mark was reached, by its name. */
  get reached(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#reached].sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  /** What the runtime of the run gets. */
  get ofRuntime(): Required<Marks> {
    return { sometimes: this.sometimes, buggify: this.buggify };
  }

  readonly sometimes = (mark: string): void => {
    this.#reached.set(mark, (this.#reached.get(mark) ?? 0) + 1);
  };

  readonly buggify = (point: string): boolean => {
    if (!this.#isRare) return false;
    const { random, rate } = this.#points.get(point) ?? this.#draw(point);
    if (rate === 0 || !random.chance(rate)) return false;
    this.sometimes(point);
    return true;
  };

  #draw(point: string): { readonly random: SeededRandom; readonly rate: number } {
    const random = this.#random.fork(point);
    // The first numbers of forks with similar labels are not independent enough of each other.
    random.next();
    const drawn = { random, rate: random.chance(activeShare) ? random.pick(rates) : 0 };
    this.#points.set(point, drawn);
    return drawn;
  }
}
