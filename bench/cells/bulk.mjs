// A small call beside a saturating stream on the same connection, on loopback: how long it waits.
import { median } from '../report/statistics.mjs';
import { ours, startPeers, stopPeers } from './peers.mjs';

const sizes = { 'beside-64k': 64 << 10, 'beside-1m': 1 << 20, 'beside-100': 100 };
const mebibyte = 1 << 20;

export const bulk = {
  name: 'bulk',
  title: 'A call of 512 bytes beside a saturating stream of items of this size: p99',
  cells: Object.keys(sizes),
  ms: 1_000,
  async run(bench) {
    const cells = bulk.cells.filter((cell) => bench.wants(cell));
    if (cells.length === 0) return [];
    const pairs = await startPeers(bench, [{ name: ours, adapter: 'rxgrid' }]);
    try {
      const [pair] = pairs;
      const results = [];
      for (const name of cells) {
        bench.note(name);
        const args = { bulkSize: sizes[name], size: 512 };
        await pair.run('besideBulk', { ...args, ms: bench.warm });
        const runs = [];
        for (let round = 0; round < bench.rounds; round++) {
          runs.push(await pair.run('besideBulk', { ...args, ms: bench.ms }));
        }
        const of = (key) => median(runs.map((run) => run[key]));
        const details = {
          p50: of('p50'),
          'calls/s': of('count') / of('seconds'),
          'stream MiB/s': of('bulk') / mebibyte,
        };
        results.push({ name, value: of('p99'), unit: 'ms', gate: 10, less: true, details });
      }
      return results;
    } finally {
      await stopPeers(pairs);
    }
  },
};
