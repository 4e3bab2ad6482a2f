// p99 of 512 bytes with 64 calls in flight, beside `ws` with the least that multiplexing takes.
import { median, medianRatio } from '../report/statistics.mjs';
import { measureRates, workloads } from './measure-rates.mjs';
import { ours, startPeers, stopPeers } from './peers.mjs';

const name = 'p99-512-c64';
const against = 'ws + ids';

export const latency = {
  name: 'latency',
  title: 'Latency in ms: ours / theirs',
  cells: [name],
  async run(bench) {
    if (!bench.wants(name, against)) return [];
    const pairs = await startPeers(bench, [
      { name: ours, adapter: 'rxgrid' },
      { name: against, adapter: 'ws-ids' },
    ]);
    try {
      bench.note(name);
      const measured = await measureRates(bench, { ...workloads['unary-512-c64'], latency: true }, pairs);
      const of = (peer, quantile) => measured.get(peer).map((result) => result[quantile]);
      const details = {
        'our p50': median(of(ours, 'p50')),
        'their p50': median(of(against, 'p50')),
        'our p99': median(of(ours, 'p99')),
        'their p99': median(of(against, 'p99')),
      };
      const value = medianRatio(of(ours, 'p99'), of(against, 'p99'));
      return [{ name, against, value, unit: 'x', gate: 1, less: true, details }];
    } finally {
      await stopPeers(pairs);
    }
  },
};
