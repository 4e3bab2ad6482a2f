// What typed payloads cost: unary echoes of a record of 20 fields, 64 in flight, beside echoes of as many bytes.
import { freePort, Worker } from '../processes/worker.mjs';
import { median, medianRatio } from '../report/statistics.mjs';

const module = new URL('../hosts/typed.mjs', import.meta.url);
const concurrency = 64;
/** What codecs cost that send the names of all fields is stated. */
const gates = { default: undefined, msgpackr: undefined, 'msgpackr-records': 0.5 };
const cells = Object.keys(gates);

export const typed = {
  name: 'typed',
  title: 'Echoes of a record of 20 fields per second: with a codec / as bytes',
  cells,
  async run(bench) {
    const names = cells.filter((name) => bench.wants(name));
    if (names.length === 0) return [];
    const port = await freePort();
    const workers = await Promise.all([Worker.start(module), Worker.start(module)]);
    try {
      const [client, server] = workers;
      await Promise.all([client.call('start', port, port + 5_000), server.call('start', port + 5_000, port)]);
      const size = await client.call('check');
      const rates = new Map(['bytes', ...names].map((name) => [name, []]));
      for (const name of rates.keys()) await client.call('rate', name, concurrency, bench.warm);
      for (let round = 0; round < bench.rounds; round++) {
        const order = [...rates.keys()];
        for (const name of round % 2 === 0 ? order : order.reverse()) {
          rates.get(name).push(await client.call('rate', name, concurrency, bench.ms));
        }
      }
      const asBytes = rates.get('bytes');
      return names.map((name) => ({
        name,
        value: medianRatio(rates.get(name), asBytes),
        unit: 'x',
        gate: gates[name],
        details: { 'with the codec': median(rates.get(name)), [`${size} bytes`]: median(asBytes) },
      }));
    } finally {
      for (const worker of workers) await worker.stop();
    }
  },
};
