// Parts of the library alone, each against the plain way to do the same, in a process of its own.
import { median, medianRatio } from '../report/statistics.mjs';
import { Worker } from '../processes/worker.mjs';

const module = new URL('../hosts/micro.mjs', import.meta.url);
// What pays less than 5 % is not worth its code.
const gate = 1.05;
/**
 * A subscription adds to the engine below it, and a schedule to a list (what waits can be taken back, others come
 * meanwhile): they need not be faster, and what they cost is stated.
 */
const stated = ['schedule', 'subscription'];
const cells = ['encode', 'decode', 'engine-step', 'schedule', 'credit', 'timer-wheel', 'mux-table', 'subscription'];

export const micro = {
  name: 'micro',
  title: 'ns an operation: the plain way / ours',
  cells,
  async run(bench) {
    const results = [];
    for (const name of cells) {
      if (!bench.wants(name)) continue;
      bench.note(name);
      const worker = await Worker.start(module);
      try {
        const { rounds, ms, warm } = bench;
        const { ours, plain } = await worker.call('measure', name, { rounds, ms, warm });
        const bound = stated.includes(name) ? {} : { gate };
        const details = { 'ours ns': median(ours), 'plain ns': median(plain) };
        results.push({ name, value: medianRatio(plain, ours), unit: 'x', ...bound, details });
      } finally {
        await worker.stop();
      }
    }
    return results;
  },
};
