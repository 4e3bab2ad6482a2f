// Heap of what waits: connections and streams that are open and do nothing. Both ends, after the garbage is collected.
import { freePort, Worker } from '../processes/worker.mjs';

const module = new URL('../hosts/memory.mjs', import.meta.url);
const kibibyte = 1_024;
const connections = 500;
const streams = 10_000;
const manyStreams = 100_000;

const gates = { connection: 64, stream: 2 };
const cells = ['connection-acceptor', 'connection-dialer', 'stream-caller', 'stream-responder', 'open-streams'];

export const memory = {
  name: 'memory',
  title: 'Heap of an idle connection and of an idle stream, and streams that are open on one connection at once',
  cells,
  async run(bench) {
    const wants = (part) => cells.some((cell) => cell.startsWith(part) && bench.wants(cell));
    const results = [];
    if (wants('connection')) results.push(...(await withHosts(measureConnections)));
    if (wants('stream')) results.push(...(await withHosts(measureStreams)));
    if (wants('open')) results.push(await withHosts(measureManyStreams));
    return results.filter(({ name }) => bench.wants(name));
  },
};

async function withHosts(measure) {
  const port = await freePort();
  const ports = [port, port + 5_000];
  const workers = await Promise.all([Worker.start(module), Worker.start(module)]);
  try {
    await Promise.all([workers[0].call('start', ...ports), workers[1].call('start', ports[1], ports[0])]);
    return await measure(...workers, port);
  } finally {
    for (const worker of workers) await worker.stop();
  }
}

/** What `count` things add to each process, for one of them. `ends` names them. */
async function perPiece(workers, count, ends, what, make) {
  const usages = () => Promise.all(workers.map((worker) => worker.call('settled')));
  // The first ones also bring code and tables that they share.
  await make(Math.ceil(count / 20));
  const before = await usages();
  await make(count);
  const after = await usages();
  return ends.map((end, index) => {
    const grown = (key) => (after[index][key] - before[index][key]) / count / kibibyte;
    return {
      name: `${what}-${end}`,
      value: grown('heapUsed'),
      unit: 'KiB',
      gate: gates[what],
      less: true,
      details: { 'buffers KiB': grown('arrayBuffers'), 'RSS KiB': grown('rss') },
    };
  });
}

const measureConnections = (acceptor, dialer, port) =>
  perPiece([acceptor, dialer], connections, ['acceptor', 'dialer'], 'connection', (count) =>
    dialer.call('openLeaves', port, count),
  );

const measureStreams = (responder, caller) =>
  perPiece([caller, responder], streams, ['caller', 'responder'], 'stream', (count) => caller.call('openIdle', count));

async function measureManyStreams(responder, caller) {
  const start = performance.now();
  await caller.call('openGreeting', manyStreams);
  const seconds = (performance.now() - start) / 1_000;
  const value = Math.min(await caller.call('open'), await responder.call('open'));
  const callMs = await caller.call('call');
  await caller.call('closeStreams');
  await caller.call('call');
  const left = (await caller.call('open')) + (await responder.call('open'));
  const details = { 'opened in s': seconds, 'call beside them, ms': callMs, 'left after the cancel': left };
  // Anything left would be a leak.
  return { name: 'open-streams', value: value - left, unit: 'streams', gate: manyStreams, details };
}
