// A slow consumer, about one item a millisecond, of a million items of 1 KiB: how far the producer gets ahead of it,
// and what both processes grow by.
import { defaultWindow } from 'rxgrid';
import { ways } from '../hosts/slow-ways.mjs';
import { freePort, Worker } from '../processes/worker.mjs';

const module = new URL('../hosts/slow.mjs', import.meta.url);
const mebibyte = 1 << 20;
const maxGrowth = 50;
const sampleMs = 50;
/** A window of items, and the one that the producer has made to find that there is no credit for it. */
const maxAhead = defaultWindow.initial + 1;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const slow = {
  name: 'slow',
  title: 'Slow consumer, 1 item/ms of 1 M × 1 KiB: items that the producer is ahead',
  cells: [...Object.keys(ways), 'growth'],
  ms: 5_000,
  async run(bench) {
    const results = [];
    let growth = 0;
    for (const name of Object.keys(ways)) {
      if (!bench.wants(name) && !bench.wants('growth')) continue;
      bench.note(name);
      const { ahead, details } = await measureWay(name, bench.ms);
      growth = Math.max(growth, details['producer +MiB'], details['consumer +MiB']);
      // A relay has two windows one after the other.
      const gate = name === 'sendTo' ? 2 * maxAhead : maxAhead;
      results.push({ name, value: ahead, unit: 'items', gate, less: true, details });
    }
    if (results.length === 0) return [];
    return [...results, { name: 'growth', value: growth, unit: 'MiB', gate: maxGrowth, less: true }];
  },
};

/** In processes of its own for each way, so that none inherits another one's memory. */
async function measureWay(way, ms) {
  const ports = await freePort().then((port) => [port, port + 5_000]);
  const workers = await Promise.all([Worker.start(module), Worker.start(module)]);
  const [producer, consumer] = workers;
  try {
    await Promise.all([producer.call('start', ...ports), consumer.call('start', ports[1], ports[0])]);
    const memory = () => Promise.all(workers.map(async (worker) => (await worker.call('usage')).rss));
    for (const worker of workers) await worker.call('settled');
    const before = await memory();
    let peak = before;
    await consumer.call('consume', way);
    for (const end = Date.now() + ms; Date.now() < end; await sleep(sampleMs)) {
      const now = await memory();
      peak = peak.map((most, index) => Math.max(most, now[index]));
    }
    // The cancel stops the producer, so the counts that are left are exact.
    await consumer.call('end');
    const [at, to] = await counts(producer, consumer);
    const [producerGrowth, consumerGrowth] = peak.map((most, index) => (most - before[index]) / mebibyte);
    const taken = at.taken + to.taken;
    const details = { taken, 'producer +MiB': producerGrowth, 'consumer +MiB': consumerGrowth };
    return { ahead: at.produced - taken, details };
  } finally {
    for (const worker of workers) await worker.stop();
  }
}

async function counts(producer, consumer) {
  for (;;) {
    const progress = await Promise.all([producer.call('progress'), consumer.call('progress')]);
    if (progress[0].active === 0) return progress;
    await sleep(10);
  }
}
