import { expect, it } from '@jest/globals';
import { addCounts } from '../../lib/metrics/add-counts.js';

it('adds the fields of the left side, and leaves both unchanged', () => {
  const [left, right] = [
    { in: 1, out: 2 },
    { in: 10, out: 20, more: 30 },
  ];
  expect(addCounts(left, right)).toStrictEqual({ in: 11, out: 22 });
  expect([left, right]).toStrictEqual([
    { in: 1, out: 2 },
    { in: 10, out: 20, more: 30 },
  ]);
});
