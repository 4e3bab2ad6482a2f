import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { runSeed, type SeedResult } from './run-seeds.js';

// `npm run simulate -- --seeds 10000` runs more; these are here so that no change is made without any.
const seeds = Array.from({ length: 24 }, (_, index) => index + 1);
const project = resolve(__dirname, '../..');

function command(...args: string[]): { readonly code: number | null; readonly lines: readonly string[] } {
  const run = spawnSync(process.execPath, ['scripts/simulate.mjs', ...args], { cwd: project, encoding: 'utf8' });
  return { code: run.status, lines: run.stdout.trimEnd().split('\n') };
}

describe('the simulation of the library', () => {
  it.each(seeds)('seed %d holds', async (seed) => {
    const { failure, events } = await runSeed(seed, { hosts: 5 });
    expect(failure?.message).toBeUndefined();
    expect(events).toBeGreaterThan(500);
  });

  it('a seed is the same run again in this process, after other ones, and in another process', async () => {
    const run = (seed: number): Promise<SeedResult> => runSeed(seed, { hosts: 4 });
    // 3 has a slow line, 7 a peer that sends messages twice, 9 no faults.
    const chosen = [3, 7, 9];
    const first = [];
    for (const seed of chosen) first.push(await run(seed));
    const again = [];
    for (const seed of chosen.toReversed()) again.unshift(await run(seed));
    expect(again).toStrictEqual(first);
    for (const { seed, fingerprint, events } of first) {
      const { code, lines } = command('--seeds', '1', '--seed', String(seed), '--hosts', '4', '--fingerprint');
      expect(lines).toStrictEqual([`fingerprint ${seed} ${fingerprint}`, `1 seeds, ${events} events, 0 violations`]);
      expect(code).toBe(0);
    }
  }, 60_000);

  it('the command refuses what is no number', () => {
    expect(command('--seeds', 'many').code).toBe(2);
  });
});
