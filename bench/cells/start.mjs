// What a fresh process pays: the import, and the first call. Each round starts a process for each way, one after the
// other, beside a host that is warm.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from '../processes/worker.mjs';
import { median, medianRatio } from '../report/statistics.mjs';

const run = promisify(execFile);
const fresh = fileURLToPath(new URL('../start/fresh.mjs', import.meta.url));
const host = new URL('../start/host.mjs', import.meta.url);

/** Processes a round: they are short, and their times spread. */
const perRound = 3;

export const start = {
  name: 'start',
  title: 'Start: a fresh process imports, connects, and makes its first call (ms)',
  cells: ['import', 'first-call', 'first-call-with-import'],
  async run(bench) {
    if (!['import', 'first-call', 'first-call-with-import'].some((cell) => bench.wants(cell))) return [];
    const server = await Worker.start(host);
    try {
      const ports = await server.call('start');
      const measure = async (way) => JSON.parse((await run(process.execPath, [fresh, way, ports[way]])).stdout);
      const ours = [];
      const theirs = [];
      for (let round = 0; round <= bench.rounds * perRound; round++) {
        const pair = [await measure('ws'), await measure('rxgrid')];
        // The first of each reads the files from the disk.
        if (round === 0) continue;
        theirs.push(pair[0]);
        ours.push(pair[1]);
      }
      return cellsOf(ours, theirs).filter(({ name }) => bench.wants(name));
    } finally {
      await server.stop();
    }
  },
};

function cellsOf(ours, theirs) {
  const ratio = (name, timeOf, gate) => {
    const [own, other] = [ours, theirs].map((times) => times.map(timeOf));
    const cell = { name, against: 'raw ws', value: medianRatio(own, other), unit: 'x', less: true };
    return { ...cell, ...gate, details: { ours: median(own), theirs: median(other) } };
  };
  const own = ours.map(({ own }) => own);
  return [
    { name: 'import', value: median(own), unit: 'ms', less: true, gate: 30, details: { ours: median(own) } },
    ratio('first-call', ({ call }) => call, { gate: 2 }),
    // Both load ws, and what they print shows what a user waits for; rxjs is in ours alone.
    ratio('first-call-with-import', ({ shared, own, call }) => shared + own + call, {}),
  ];
}
