import { describe, expect, it } from '@jest/globals';
import { median, medianRatio } from '../../../bench/report/statistics.mjs';

describe('median', () => {
  it('returns the middle value, by size', () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  it('returns the lower one of two middle values', () => {
    expect(median([4, 1, 3, 2])).toBe(2);
  });

  it('does not modify the values', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toStrictEqual([3, 1, 2]);
  });
});

describe('medianRatio', () => {
  it('compares values that were measured side by side', () => {
    // The machine was ten times slower in the last two rounds: the ratio of the medians would be 0.2.
    expect(medianRatio([20, 20, 2, 2, 2], [10, 10, 10, 1, 1])).toBe(2);
  });
});
