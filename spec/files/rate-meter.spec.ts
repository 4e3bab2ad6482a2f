import { expect, it } from '@jest/globals';
import { RateMeter } from '../../lib/files/rate-meter.js';

it('is the average since the beginning for the first two seconds', () => {
  const meter = new RateMeter(1_000, 500);
  expect(meter.rate(1_000, 500)).toBe(0);
  expect(meter.rate(1_500, 1_500)).toBe(2_000);
});

it('forgets bytes moved more than about two seconds ago', () => {
  const meter = new RateMeter(0);
  for (let now = 100; now <= 10_000; now += 100) meter.rate(now, now * 10);
  // Nothing moves any more.
  const rates = Array.from({ length: 25 }, (_, index) => meter.rate(10_100 + index * 100, 100_000));
  expect(rates.at(-1)).toBe(0);
  expect(rates).toStrictEqual([...rates].sort((a, b) => b - a));
});

it('does not count bytes moved before', () => {
  expect(new RateMeter(0, 1_000_000).rate(1_000, 1_000_000)).toBe(0);
});
