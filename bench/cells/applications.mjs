// What services add to a call: unary echoes of 512 bytes, 64 in flight, beside plain ones in the same rounds.
import { freePort, Worker } from '../processes/worker.mjs';
import { median, medianRatio } from '../report/statistics.mjs';

const module = new URL('../hosts/applications.mjs', import.meta.url);
const concurrency = 64;
/** Of each cell: which pair of hosts it uses, and which way of calling. */
const ways = {
  metadata: ['plain', 'metadata'],
  errors: ['plain', 'errors'],
  'routes$ observed': ['plain', 'routes$ observed'],
  interceptors: ['interceptors', 'plain'],
  otel: ['otel', 'plain'],
};

export const applications = {
  name: 'applications',
  title: 'Echoes of 512 bytes per second: with what services add / plain',
  cells: Object.keys(ways),
  async run(bench) {
    const names = Object.keys(ways).filter((name) => bench.wants(name));
    if (names.length === 0) return [];
    const pairs = new Map();
    try {
      for (const kind of new Set(['plain', ...names.map((name) => ways[name][0])]))
        pairs.set(kind, await startPair(kind));
      const measure = async (pair, way, ms) => {
        const [client, server] = pairs.get(pair);
        const observed = way === 'routes$ observed';
        if (observed) await Promise.all([client.call('observe', true), server.call('observe', true)]);
        const rate = await client.call('rate', way, concurrency, ms);
        if (observed) await Promise.all([client.call('observe', false), server.call('observe', false)]);
        return rate;
      };
      const cells = { plain: ['plain', 'plain'], ...Object.fromEntries(names.map((name) => [name, ways[name]])) };
      const rates = new Map(Object.keys(cells).map((name) => [name, []]));
      for (const cell of Object.values(cells)) await measure(...cell, bench.warm);
      for (let round = 0; round < bench.rounds; round++) {
        const order = [...rates.keys()];
        for (const name of round % 2 === 0 ? order : order.reverse()) {
          rates.get(name).push(await measure(...cells[name], bench.ms));
        }
      }
      return names.map((name) => ({
        name,
        value: medianRatio(rates.get(name), rates.get('plain')),
        unit: 'x',
        gate: undefined,
        details: { [name]: median(rates.get(name)), plain: median(rates.get('plain')) },
      }));
    } finally {
      for (const worker of [...pairs.values()].flat()) await worker.stop();
    }
  },
};

async function startPair(kind) {
  const [port, otherPort] = [await freePort(), await freePort()];
  const pair = await Promise.all([Worker.start(module), Worker.start(module)]);
  const [client, server] = pair;
  await Promise.all([client.call('start', port, otherPort, kind), server.call('start', otherPort, port, kind)]);
  return pair;
}
