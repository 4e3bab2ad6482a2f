import { expect, it } from '@jest/globals';
import { runSeed } from './run-seeds.js';

// The first seeds run in seeds.spec.ts.
const seeds = Array.from({ length: 36 }, (_, index) => index + 5);

it.each(seeds)('seed %d holds', async (seed) => {
  const { failure, events } = await runSeed(seed, { hosts: 5 });
  expect(failure?.message).toBeUndefined();
  expect(events).toBeGreaterThan(500);
});
