// What saturates one connection beside each other: how much of its fair share each gets, and how long a small call
// waits. Of n kinds a fair share is a n-th of the rate that the kind has alone.
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../report/statistics.mjs';
import { ours, startPeers, stopPeers } from './peers.mjs';

const { shares: gates } = JSON.parse(readFileSync(new URL('../gates.json', import.meta.url), 'utf8'));
const mixes = {
  'calls+streams': ['calls', 'streams'],
  'calls+file': ['calls', 'file'],
  'streams+file': ['streams', 'file'],
  'calls+streams+file': ['calls', 'streams', 'file'],
};
const mebibyte = 1 << 20;
const fileBytes = 64 * mebibyte;

export const shares = {
  name: 'shares',
  title: 'Beside each other on one connection: share of the fair share; p99 of a call of 512 bytes',
  cells: Object.entries(mixes).flatMap(([mix, kinds]) => [
    ...kinds.map((kind) => `${kind} in ${mix}`),
    `p99 in ${mix}`,
  ]),
  ms: 1_000,
  async run(bench) {
    const wanted = Object.keys(mixes).filter((mix) => cellsOf(mix).some((cell) => bench.wants(cell)));
    if (wanted.length === 0) return [];
    const folder = mkdtempSync(join(tmpdir(), 'rxgrid-bench-'));
    const path = join(folder, 'file');
    writeFileSync(path, new Uint8Array(fileBytes));
    const pairs = await startPeers(bench, [{ name: ours, adapter: 'rxgrid' }]);
    try {
      const results = [];
      for (const mix of wanted) results.push(...(await measure(bench, pairs[0], mix, path)));
      return results.filter(({ name }) => bench.wants(name));
    } finally {
      await stopPeers(pairs);
      rmSync(folder, { recursive: true });
    }
  },
};

function cellsOf(mix) {
  return [...mixes[mix], 'p99'].map((what) => `${what} in ${mix}`);
}

async function measure(bench, pair, mix, path) {
  const kinds = mixes[mix];
  const run = (some, ms) => pair.run('shares', { kinds: some, path, ms });
  await run(kinds, bench.warm);
  const alone = kinds.map(() => []);
  const beside = [];
  for (let round = 0; round < bench.rounds; round++) {
    bench.note(`${mix}, round ${round + 1}`);
    for (const [index, kind] of kinds.entries()) alone[index].push((await run([kind], bench.ms)).rates[kind]);
    beside.push(await run(kinds, bench.ms));
  }
  const p99 = {
    name: `p99 in ${mix}`,
    value: median(beside.map((one) => one.p99)),
    unit: 'ms',
    gate: gates.p99,
    less: true,
  };
  return [
    ...kinds.map((kind, index) => {
      const rates = beside.map((one) => one.rates[kind]);
      const ratios = rates.map((rate, round) => (rate / alone[index][round]) * kinds.length);
      const details = { 'alone MiB/s': median(alone[index]) / mebibyte, 'beside MiB/s': median(rates) / mebibyte };
      return { name: `${kind} in ${mix}`, value: median(ratios), unit: 'x', gate: gates.share, details };
    }),
    p99,
  ];
}
