// A producer that is pulled, and a consumer that needs a millisecond for each item; for a relay, the far end too.
import { duplex, raw, type } from 'rxgrid';
import { produce } from '../adapters/rxgrid.mjs';
import { startHost } from './two-hosts.mjs';
import { ways } from './slow-ways.mjs';

const itemCount = 1_000_000;
const itemBytes = 1_024;
const workMs = 1;

const items = duplex({ id: 1, name: 'items', output: raw });
const upload = duplex({ id: 2, name: 'upload', input: raw, output: type() });

const stats = { produced: 0, active: 0, cancelled: 0 };
/** Items that the slow consumer of this process has begun to work on. */
const counts = { taken: 0 };
let host;
let stop;

async function work() {
  counts.taken++;
  await new Promise((resolve) => setTimeout(resolve, workMs));
}

export async function start(port, otherPort) {
  host = await startHost(port, otherPort, (grid) => {
    grid.handle(items, () => produce(itemCount, itemBytes, stats));
    grid.handle(upload, async function* (_, { input }) {
      for await (const item of input) {
        await work(item);
        // Nothing goes back.
        if (item.length === 0) yield undefined;
      }
    });
  });
  await host.other.ready();
}

export function consume(way) {
  const openSlow = () => {
    const stream = host.other.open(upload, undefined);
    stream.ignoreOutput();
    return stream;
  };
  stop = ways[way](host.other.stream(items, undefined), work, { workMs, counts, openSlow });
}

export const end = () => stop();

/** Items produced, and taken by a slow consumer, in this process; producers that are at work. */
export const progress = () => ({ produced: stats.produced, taken: counts.taken, active: stats.active });
