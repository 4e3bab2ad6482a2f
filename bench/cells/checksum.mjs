// What the checksum costs: the same cells with it and without it.
import { median, medianRatio } from '../report/statistics.mjs';
import { measureRates, workloads } from './measure-rates.mjs';
import { startPeers, stopPeers } from './peers.mjs';

const gate = 0.8;
// Hashing alone costs as much as everything else at this size: the figure is stated.
const ungated = ['unary-64k-c64'];

export const checksum = {
  name: 'checksum',
  title: 'Rates per second with the checksum on: on / off',
  cells: Object.keys(workloads),
  async run(bench) {
    const cells = Object.keys(workloads).filter((cell) => bench.wants(cell));
    if (cells.length === 0) return [];
    const pairs = await startPeers(bench, [
      { name: 'on', adapter: 'rxgrid', options: { checksum: 'auto' } },
      { name: 'off', adapter: 'rxgrid', options: { checksum: 'off' } },
    ]);
    try {
      const results = [];
      for (const name of cells) {
        bench.note(name);
        const measured = await measureRates(bench, workloads[name], pairs);
        const [on, off] = ['on', 'off'].map((key) => measured.get(key).map(({ rate }) => rate));
        const details = { on: median(on), off: median(off) };
        const bound = ungated.includes(name) ? {} : { gate };
        results.push({ name, value: medianRatio(on, off), unit: 'x', ...bound, details });
      }
      return results;
    } finally {
      await stopPeers(pairs);
    }
  },
};
