/**
 * Durations in fixed logarithmic buckets. Every process has the same buckets, so histograms of several hosts can be
 * added, and an earlier one can be subtracted from a later one.
 *
 *     µs      0 1 2 … 7 │ 8 9 … 15 │ 16 18 20 … 30 │ 32 36 … 60 │ … │ up to 2^32 µs, about 72 minutes
 *     buckets     8     │    8     │       8       │     8      │ …    the last one also holds what took longer
 *
 * A bucket is at most an eighth of its lower bound wide, which bounds the error of a percentile.
 */

/** Buckets to each power of two, and its logarithm. */
const bucketsPerOctave = 8;
const octaveBits = 3;
/** Durations are counted in microseconds of 32 bits. */
const maxMicroseconds = 0xffff_ffff;

/** Number of buckets. */
export const durationBuckets = (32 - octaveBits) * bucketsPerOctave + bucketsPerOctave;

/** Durations that were counted, as plain data. All times in ms. */
export interface Durations {
  /** Durations in all buckets. */
  readonly count: number;
  /** Their sum, in ms. */
  readonly sum: number;
  /** Index of the first bucket in `counts`. The bounds of a bucket are given by {@link bucketBounds}. */
  readonly first: number;
  /** Durations in each bucket from `first` on; the buckets that are left out are empty. */
  readonly counts: readonly number[];
}

/** The durations of nothing. */
export const noDurations: Durations = { count: 0, sum: 0, first: 0, counts: [] };

/** The bucket of a duration in ms. What is no number, or negative, counts as 0. */
export function bucketOf(ms: number): number {
  const microseconds = ms * 1_000;
  if (!(microseconds >= 1)) return 0;
  const whole = microseconds >= maxMicroseconds ? maxMicroseconds : Math.floor(microseconds);
  if (whole < bucketsPerOctave) return whole;
  const exponent = 31 - Math.clz32(whole);
  return (
    (exponent - octaveBits + 1) * bucketsPerOctave + ((whole >>> (exponent - octaveBits)) & (bucketsPerOctave - 1))
  );
}

/** The bounds of a bucket in ms: a duration of the bucket is at least `from` and below `to`. */
export function bucketBounds(index: number): { readonly from: number; readonly to: number } {
  return { from: lowerBound(index), to: lowerBound(index + 1) };
}

function lowerBound(index: number): number {
  if (index < bucketsPerOctave) return index / 1_000;
  const octave = Math.floor(index / bucketsPerOctave) - 1;
  return ((bucketsPerOctave + (index % bucketsPerOctave)) * 2 ** octave) / 1_000;
}

/** Counts durations. It only grows. */
export class LogHistogram {
  #counts: Float64Array | undefined = undefined;
  #count = 0;
  #sum = 0;

  /** Counts one duration, in ms. */
  record(ms: number): void {
    // Made when it is needed: most routes of a process are called at one of its two sides only.
    (this.#counts ??= new Float64Array(durationBuckets))[bucketOf(ms)]!++;
    this.#count++;
    this.#sum += ms;
  }

  /** What was counted so far. */
  get durations(): Durations {
    const counts = this.#counts;
    return counts === undefined ? noDurations : trimmed(counts, this.#count, this.#sum);
  }
}

/** The durations of both. */
export function addDurations(left: Durations, right: Durations): Durations {
  if (left.count === 0) return right;
  if (right.count === 0) return left;
  return combined(left, right, 1);
}

/**
 * The durations that a counter has counted since `earlier`. A counter that was begun anew meanwhile, because its
 * process was restarted, has counted all of `later`.
 */
export function subtractDurations(later: Durations, earlier: Durations): Durations {
  if (earlier.count === 0 || earlier.count > later.count) return later;
  return combined(later, earlier, -1);
}

/**
 * The duration, in ms, that a share `quantile` of all durations does not exceed: 0.99 for the 99th percentile. Within a
 * bucket durations count as spread evenly. Undefined where nothing was counted.
 */
export function quantileOf(durations: Durations, quantile: number): number | undefined {
  const { count, first, counts } = durations;
  if (!(count > 0)) return undefined;
  const rank = Math.min(Math.max(quantile, 0), 1) * count;
  let below = 0;
  let last: number | undefined = undefined;
  for (let offset = 0; offset < counts.length; offset++) {
    const inBucket = counts[offset]!;
    if (inBucket <= 0) continue;
    if (below + inBucket >= rank) {
      const { from, to } = bucketBounds(first + offset);
      return from + (to - from) * Math.max(0, (rank - below) / inBucket);
    }
    below += inBucket;
    last = first + offset;
  }
  return last === undefined ? undefined : bucketBounds(last).to;
}

function combined(left: Durations, right: Durations, sign: 1 | -1): Durations {
  const first = Math.min(left.first, right.first);
  const end = Math.max(left.first + left.counts.length, right.first + right.counts.length);
  const counts = new Array<number>(end - first);
  for (let index = first; index < end; index++) {
    const sum = (left.counts[index - left.first] ?? 0) + sign * (right.counts[index - right.first] ?? 0);
    counts[index - first] = Math.max(0, sum);
  }
  return trimmed(counts, left.count + sign * right.count, Math.max(0, left.sum + sign * right.sum), first);
}

function trimmed(counts: ArrayLike<number>, count: number, sum: number, offset = 0): Durations {
  let from = 0;
  let to = counts.length;
  while (from < to && counts[from] === 0) from++;
  while (to > from && counts[to - 1] === 0) to--;
  if (from === to) return noDurations;
  return { count, sum, first: offset + from, counts: Array.prototype.slice.call(counts, from, to) as number[] };
}
