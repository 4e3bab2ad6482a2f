// What a user of the command waits for, beyond the start of Node: its help, and a call of a host on loopback. Each
// round starts a process for each way, one after the other.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from '../processes/worker.mjs';
import { median } from '../report/statistics.mjs';

const run = promisify(execFile);
const main = fileURLToPath(new URL('../../dist/node/cli/main.js', import.meta.url));
const host = new URL('../start/host.mjs', import.meta.url);

/** Processes a round: they are short, and their times spread. */
const perRound = 3;
const names = ['rxgrid --help', 'rxgrid call'];

export const command = {
  name: 'command',
  title: 'Command: how long rxgrid --help and rxgrid call take beyond the start of Node (ms)',
  cells: names,
  async run(bench) {
    if (!names.some((cell) => bench.wants(cell))) return [];
    const server = await Worker.start(host);
    try {
      const ports = await server.call('start');
      const env = { ...process.env, RXGRID_TOKEN: 'start', RXGRID_HOST: `ws://127.0.0.1:${ports.rxgrid}` };
      const measure = async (...args) => {
        const began = performance.now();
        await run(process.execPath, args, { env });
        return performance.now() - began;
      };
      const times = { node: [], [names[0]]: [], [names[1]]: [] };
      for (let round = 0; round <= bench.rounds * perRound; round++) {
        const node = await measure('-e', '0');
        const help = await measure(main, '--help');
        const call = await measure(main, 'call', 'echo', '-d', 'x');
        // The first of each reads the files from the disk.
        if (round === 0) continue;
        times.node.push(node);
        times[names[0]].push(help);
        times[names[1]].push(call);
      }
      return [
        [names[0], 120],
        [names[1], 300],
      ]
        .map(([name, gate]) => cellOf(name, gate, times))
        .filter(({ name }) => bench.wants(name));
    } finally {
      await server.stop();
    }
  },
};

function cellOf(name, gate, times) {
  const beyond = times[name].map((time, index) => time - times.node[index]);
  const details = { ours: median(times[name]), theirs: median(times.node) };
  return { name, against: 'node -e 0', value: median(beyond), unit: 'ms', less: true, gate, details };
}
