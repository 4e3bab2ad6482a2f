// A stream of a million items is cancelled within its item number 1 000.
import { defaultWindow } from 'rxgrid';
import { median } from '../report/statistics.mjs';
import { ours, startPeers, stopPeers } from './peers.mjs';

const after = 1_000;
const patienceMs = 5_000;

/** The window that a stream has by then at the most: it doubles with each window of items that is consumed. */
function windowAfter(items) {
  let size = defaultWindow.initial;
  for (let consumed = size; consumed <= items && size < defaultWindow.max; consumed += size) size *= 2;
  return size;
}

export const cancel = {
  name: 'cancel',
  title: `A stream of 100 bytes an item, cancelled within item ${after}`,
  cells: ['items-beyond', 'stopped'],
  async run(bench) {
    if (!cancel.cells.some((cell) => bench.wants(cell))) return [];
    const pairs = await startPeers(bench, [{ name: ours, adapter: 'rxgrid' }]);
    try {
      const [{ client, server }] = pairs;
      const runs = [];
      for (let round = 0; round < bench.rounds; round++) runs.push(await measureCancel(client, server));
      const of = (key) => runs.map((run) => run[key]);
      const late = Math.max(...of('late'));
      return [
        {
          name: 'items-beyond',
          value: Math.max(...of('beyond')),
          unit: 'items',
          gate: windowAfter(after),
          less: true,
          details: { median: median(of('beyond')), 'after the cancel': late },
        },
        {
          name: 'stopped',
          value: Math.max(...of('ms')),
          unit: 'ms',
          gate: 100,
          less: true,
          details: { median: median(of('ms')), 'after the cancel': '' },
        },
      ].filter(({ name }) => bench.wants(name));
    } finally {
      await stopPeers(pairs);
    }
  },
};

/**
 * Items produced beyond those received, items that came after the cancel, and the ms until the producer had stopped.
 */
async function measureCancel(client, server) {
  const before = await server.call('counts');
  const running = client.call('run', 'cancel', { count: 1_000_000, size: 100, after, waitMs: 100 });
  let now = before;
  const deadline = Date.now() + patienceMs;
  while (now.cancelled === before.cancelled) {
    if (Date.now() > deadline) throw new Error(`The producer went on for ${patienceMs} ms after the cancel.`);
    now = await server.call('counts');
  }
  const stopped = Date.now();
  const { got, at } = await running;
  const { produced } = await server.call('counts');
  return { beyond: produced - before.produced - after, late: got - after, ms: stopped - at };
}
