// Heap of what waits: connections that carried one call, and streams, which are open and do nothing. After the garbage
// is collected.
import { freePort, Worker } from '../processes/worker.mjs';

const module = new URL('../hosts/memory.mjs', import.meta.url);
const kibibyte = 1_024;
const connections = 300;
const streams = 10_000;
const manyStreams = 100_000;

const gates = { connection: 64, stream: 2 };
const cells = ['connection-host', 'connection-leaf', 'leaf', 'stream-caller', 'stream-responder', 'open-streams'];

export const memory = {
  name: 'memory',
  title: 'Heap of an idle connection and of an idle stream, and streams that are open on one connection at once',
  cells,
  async run(bench) {
    const wants = (...names) => names.some((name) => bench.wants(name));
    const results = [];
    if (wants('connection-host')) results.push(...(await withWorkers(measureConnections)));
    if (wants('connection-leaf', 'leaf')) results.push(...(await withHosts(measureLeaves)));
    if (wants('stream-caller', 'stream-responder')) results.push(...(await withHosts(measureStreams)));
    if (wants('open-streams')) results.push(await withHosts(measureManyStreams));
    return results.filter(({ name }) => bench.wants(name));
  },
};

async function withWorkers(measure) {
  const workers = await Promise.all([Worker.start(module), Worker.start(module)]);
  try {
    return await measure(...workers);
  } finally {
    for (const worker of workers) await worker.stop();
  }
}

/** With a host in each of the two processes, which are connected. */
async function withHosts(measure) {
  const port = await freePort();
  const other = port + 5_000;
  return withWorkers(async (near, far) => {
    await Promise.all([near.call('start', port, other), far.call('start', other, port)]);
    return measure(near, far, port);
  });
}

/** What `count` things add to each process, for one of them: `ends` has, for each cell, the process and the gate. */
async function perPiece(count, ends, make) {
  const usages = () => Promise.all(ends.map(({ worker }) => worker.call('settled')));
  // The first ones also bring code and tables that they share.
  await make(Math.ceil(count / 20));
  const before = await usages();
  await make(count);
  const after = await usages();
  return ends.map(({ name, gate }, index) => {
    const grown = (key) => (after[index][key] - before[index][key]) / count / kibibyte;
    const details = { 'buffers KiB': grown('arrayBuffers'), 'RSS KiB': grown('rss') };
    return { name, value: grown('heapUsed'), unit: 'KiB', gate, less: true, details };
  });
}

/** At a host, some dialed by it and some by the others. */
async function measureConnections(hub, others) {
  const name = await hub.call('startHub');
  return perPiece(connections, [{ name: 'connection-host', worker: hub, gate: gates.connection }], async (count) =>
    hub.call('addMembers', await others.call('startMembers', name, count)),
  );
}

/** At the host that took the leaf, and the whole leaf, which has codecs and routes of its own. */
const measureLeaves = (acceptor, dialer, port) =>
  perPiece(
    connections,
    [
      { name: 'connection-leaf', worker: acceptor, gate: gates.connection },
      { name: 'leaf', worker: dialer },
    ],
    (count) => dialer.call('openLeaves', port, count),
  );

const measureStreams = (responder, caller) =>
  perPiece(
    streams,
    [
      { name: 'stream-caller', worker: caller, gate: gates.stream },
      { name: 'stream-responder', worker: responder, gate: gates.stream },
    ],
    (count) => caller.call('openIdle', count),
  );

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
