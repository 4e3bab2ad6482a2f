// Array buffers that a host allocates for what it receives: they are external memory, and V8 marks the heap as it
// grows.
import { freePort, Worker } from '../processes/worker.mjs';
import { median } from '../report/statistics.mjs';

const module = new URL('../hosts/garbage.mjs', import.meta.url);
/**
 * Bytes allocated for each byte received: bytes that a user owns are copied once, values are decoded where they are.
 */
const gates = { 'raw-512-c64': 1.1, 'raw-64k-c64': 1.1, 'typed-c64': 0.1, 'stream-100': 1.1, 'stream-typed': 0.1 };
const cells = Object.keys(gates);

export const garbage = {
  name: 'garbage',
  title: 'Bytes allocated in array buffers for each byte of a payload received',
  cells,
  async run(bench) {
    const names = cells.filter((name) => bench.wants(name));
    if (names.length === 0) return [];
    const port = await freePort();
    // One of the two dialed: what it receives is not masked, and what the other one receives is.
    const workers = await Promise.all([Worker.start(module), Worker.start(module)]);
    try {
      const [first, second] = workers;
      await Promise.all([first.call('start', port, port + 5_000), second.call('start', port + 5_000, port)]);
      const results = [];
      for (const name of names) {
        bench.note(name);
        const shares = workers.map(() => []);
        for (const worker of workers) await worker.call('receive', name, bench.warm);
        for (let round = 0; round < bench.rounds; round++) {
          for (const [index, worker] of workers.entries()) {
            const { received, allocated } = await worker.call('receive', name, bench.ms);
            shares[index].push(allocated / received);
          }
        }
        const [one, other] = shares.map(median);
        const details = { 'one end': one, 'the other': other };
        results.push({ name, value: Math.max(one, other), unit: 'x', gate: gates[name], less: true, details });
      }
      return results;
    } finally {
      for (const worker of workers) await worker.stop();
    }
  },
};
