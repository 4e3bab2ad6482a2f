// One stream over a long link: 50 ms there and back, 1 Gbit/s, beside plain sockets over the same link.
import { Worker } from '../processes/worker.mjs';
import { median, medianRatio } from '../report/statistics.mjs';

const rtt = 50;
const rate = 1e9 / 8;
/** Windows grow in the first steps, which do not count. */
const [warmSteps, steps, stepMs] = [6, 6, 250];
const ways = { plain: 0, 'items of 16 KiB': 16 << 10, 'items of 1 KiB': 1 << 10 };
const cells = Object.keys(ways).slice(1);
const module = (name) => new URL(`../wan/${name}.mjs`, import.meta.url);

export const wan = {
  name: 'wan',
  title: `One stream over ${rtt} ms and 1 Gbit/s (MB/s)`,
  cells,
  async run(bench) {
    const wanted = cells.filter((cell) => bench.wants(cell, 'plain sockets'));
    if (wanted.length === 0) return [];
    const workers = await Promise.all(
      ['sender', 'receiver', 'relay', 'relay'].map((name) => Worker.start(module(name))),
    );
    const [sender, receiver, ...relays] = workers;
    try {
      const targets = await sender.call('start');
      const link = { delay: rtt / 2, rate };
      const plain = await relays[0].call('start', { ...link, target: targets.plain });
      const ours = await relays[1].call('start', { ...link, target: targets.rxgrid });
      const results = new Map(['plain', ...wanted].map((way) => [way, []]));
      const firsts = new Map(results);
      for (let round = 0; round < bench.rounds; round++) {
        for (const [way, all] of results) {
          bench.note(way);
          await receiver.call('open', way === 'plain' ? plain : ours, ways[way]);
          const measured = await receiver.call('rates', warmSteps + steps, stepMs);
          await receiver.call('close');
          all.push(median(measured.slice(warmSteps)));
          if (round === 0) firsts.set(way, measured);
        }
      }
      bench.remark(
        [...firsts]
          .map(([way, all]) => `${way}, each ${stepMs} ms: ${all.map((one) => Math.round(one / 1e6)).join(' ')}`)
          .join('\n'),
      );
      const theirs = results.get('plain');
      return wanted.map((name) => ({
        name,
        against: 'plain sockets',
        value: medianRatio(results.get(name), theirs),
        unit: 'x',
        gate: 0.8,
        details: { ours: median(results.get(name)) / 1e6, theirs: median(theirs) / 1e6 },
      }));
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  },
};
