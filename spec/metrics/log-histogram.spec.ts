import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  addDurations,
  bucketBounds,
  bucketOf,
  durationBuckets,
  LogHistogram,
  noDurations,
  quantileOf,
  subtractDurations,
  type Durations,
} from '../../lib/metrics/log-histogram.js';

const of = (...durations: number[]): Durations => {
  const histogram = new LogHistogram();
  for (const ms of durations) histogram.record(ms);
  return histogram.durations;
};
// Whole thousandths: sums of the two orders are then equal.
const someMs = fc.array(fc.integer({ min: 0, max: 2_000_000 }), { maxLength: 40 });

describe('the buckets of durations', () => {
  it('are contiguous, from 0 on', () => {
    expect(bucketBounds(0).from).toBe(0);
    for (let index = 0; index < durationBuckets - 1; index++) {
      expect(bucketBounds(index).to).toBe(bucketBounds(index + 1).from);
    }
  });

  it('contain the values within their bounds, and are at most an eighth wide', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 4_000_000, noNaN: true }), (ms) => {
        const { from, to } = bucketBounds(bucketOf(ms));
        // A microsecond is the unit: what is between two of them counts as the lower one.
        expect(from).toBeLessThanOrEqual(ms * (1 + 1e-12));
        expect(to).toBeGreaterThan(ms * (1 - 1e-12));
        expect(to - from).toBeLessThanOrEqual(Math.max(0.001, from / 8) * (1 + 1e-9));
      }),
    );
  });

  it('accept every value: invalid ones count as 0, and those that are too long as the longest', () => {
    expect([-1, NaN, 0, 0.0005].map(bucketOf)).toStrictEqual([0, 0, 0, 0]);
    expect([1e12, Infinity].map(bucketOf)).toStrictEqual([durationBuckets - 1, durationBuckets - 1]);
  });
});

describe('durations', () => {
  it('of two hosts add up to those of one with all calls, in any order', () => {
    fc.assert(
      fc.property(someMs, someMs, (left, right) => {
        const sum = addDurations(of(...left), of(...right));
        expect(sum).toStrictEqual(of(...left, ...right));
        expect(addDurations(of(...right), of(...left))).toStrictEqual(sum);
      }),
    );
  });

  it('of a later time minus those of an earlier one are those between', () => {
    fc.assert(
      fc.property(someMs, someMs, (earlier, between) => {
        expect(subtractDurations(of(...earlier, ...between), of(...earlier))).toStrictEqual(of(...between));
      }),
    );
  });

  it('of a host that restarted are all its own', () => {
    expect(subtractDurations(of(1), of(5, 6, 7))).toStrictEqual(of(1));
  });

  it('have percentiles within the width of a bucket', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.1, max: 60_000, noNaN: true }), { minLength: 1 }), (durations) => {
        const sorted = [...durations].sort((left, right) => left - right);
        for (const quantile of [0.5, 0.95, 0.99, 1]) {
          const exact = sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)]!;
          const found = quantileOf(of(...durations), quantile)!;
          expect(found).toBeGreaterThanOrEqual(exact * 0.87);
          expect(found).toBeLessThanOrEqual(exact * 1.13);
        }
      }),
    );
  });

  it('without samples have no percentile, and leave others unchanged', () => {
    expect(quantileOf(noDurations, 0.5)).toBeUndefined();
    expect(addDurations(noDurations, of(3))).toStrictEqual(of(3));
    expect(addDurations(of(3), noDurations)).toStrictEqual(of(3));
    expect(subtractDurations(of(3), of(3))).toStrictEqual(noDurations);
  });

  it('of another host may be malformed: a percentile is still a number, or undefined', () => {
    const hostile: Durations = { count: 5, sum: 1, first: 3, counts: [-1, 2] };
    expect(quantileOf(hostile, 0.99)).toBeGreaterThan(0);
    expect(quantileOf({ count: NaN, sum: 0, first: 0, counts: [] }, 0.5)).toBeUndefined();
  });
});
