// CPU time of both processes for 100 000 calls of 512 bytes, 64 in flight, beside raw `ws`.
import { median, medianRatio } from '../report/statistics.mjs';
import { measureRates, workloads } from './measure-rates.mjs';
import { ours, startPeers, stopPeers } from './peers.mjs';

const name = 'cpu-512-c64';
const against = 'raw ws';
const calls = 100_000;

export const cpu = {
  name: 'cpu',
  title: 'CPU seconds of both processes for 100 000 calls: ours / theirs',
  cells: [name],
  async run(bench) {
    if (!bench.wants(name, against)) return [];
    const pairs = await startPeers(bench, [
      { name: ours, adapter: 'rxgrid' },
      { name: against, adapter: 'ws' },
    ]);
    try {
      bench.note(name);
      const measured = await measureRates(bench, workloads['unary-512-c64'], pairs);
      const of = (peer) => measured.get(peer).map((result) => (result.cpu / 1e6 / result.count) * calls);
      const details = { ours: median(of(ours)), theirs: median(of(against)) };
      const value = medianRatio(of(ours), of(against));
      return [{ name, against, value, unit: 'x', gate: 0.35, less: true, details }];
    } finally {
      await stopPeers(pairs);
    }
  },
};
