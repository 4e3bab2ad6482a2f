// One file from the page cache to a file of another process, in memory at both ends: the time beside sendfile(2) into
// nc, and the CPU time of both ends beside curl from nginx. Nobody forces the file to a disk.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { makeFile } from '../files/make-file.mjs';
import { httpServer, listening, nginx, rsync } from '../hosts/file-server.mjs';
import { freePort, Worker } from '../processes/worker.mjs';
import { median, medianRatio } from '../report/statistics.mjs';

const copies = new URL('../hosts/file-copies.mjs', import.meta.url);
const floor = (name) => fileURLToPath(new URL(`../floors/${name}.c`, import.meta.url));

/** What has bounds; the others are stated. */
const gates = {
  rxgrid: { speed: 1.0, stretch: 1.3, cpu: 0.8 },
  'no-reuse': {},
  'c-to-c': {},
  nginx: {},
  rsync: {},
  'http-server': {},
};

export const fileToFile = {
  name: 'file-to-file',
  title: 'A file of 1 GiB to a file of another process',
  cells: Object.keys(gates),
  async run(bench) {
    const asked = Object.keys(gates).filter((name) => bench.wants(name) || bench.wants(`${name} cpu`));
    if (asked.length === 0) return [];
    const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rxgrid-bench-'));
    const stops = [() => rmSync(folder, { recursive: true })];
    try {
      return await measure(bench, asked, await prepare(bench, asked, folder, stops));
    } finally {
      for (const stop of stops.reverse()) await stop();
    }
  },
};

async function prepare(bench, asked, folder, stops) {
  mkdirSync(join(folder, 'root'));
  const path = join(folder, 'root/file');
  const size = makeFile(bench, path, 2);
  const target = join(folder, 'copy');
  const context = { bench, folder, path, size, target, stops };
  return { size, target, ways: { ...(await ours(context)), ...floors(context), ...(await others(context, asked)) } };
}

async function ours({ folder, size, target, stops }) {
  const [host, leaf] = await Promise.all([Worker.start(copies), Worker.start(copies)]);
  stops.push(() => Promise.all([host.stop(), leaf.stop()]));
  const port = await freePort();
  await host.call('serve', port, join(folder, 'root'));
  await leaf.call('dial', port);
  const used = async () => (await host.call('usage')).cpu + (await leaf.call('usage')).cpu;
  const copy = async (reuse) => {
    const before = await used();
    const { seconds, bytes } = await leaf.call('copy', 'file', target, reuse);
    if (bytes !== size) throw new Error(`${bytes} of ${size} bytes came.`);
    return { seconds, cpu: (await used()) - before };
  };
  return { rxgrid: () => copy(true), 'no-reuse': () => copy(false) };
}

/** sendfile in C, into nc and into a receiver in C. */
function floors({ bench, folder, path, target }) {
  let send, receive;
  try {
    [send, receive] = ['sendfile', 'receive'].map((name) => {
      execFileSync('cc', ['-O2', '-o', join(folder, name), floor(name)], { stdio: 'ignore' });
      return join(folder, name);
    });
  } catch {
    bench.remark('There is no C compiler (cc): nothing to compare the time with.');
    return {};
  }
  const ways = {
    'c-to-c': async () => {
      const receiver = spawn(receive, [target], { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]();
      const port = (await lines.next()).value;
      const began = performance.now();
      const sent = run(send, [path, port]);
      const used = Number((await lines.next()).value);
      const seconds = (performance.now() - began) / 1e3;
      return { seconds, cpu: used + (await sent).cpu };
    },
  };
  if (!isThere('nc')) {
    bench.remark('nc is not installed (netcat-openbsd): the time is compared with sendfile into a receiver in C.');
    return ways;
  }
  ways.nc = async () => {
    const port = await freePort();
    const received = run('sh', ['-c', `exec nc -l 127.0.0.1 ${port} > '${target}'`]);
    await listens(port);
    const began = performance.now();
    const sent = await run(send, [path, String(port)]);
    const { cpu } = await received;
    return { seconds: (performance.now() - began) / 1e3, cpu: cpu + sent.cpu };
  };
  return ways;
}

async function others({ bench, path, target, stops }, asked) {
  const ways = {};
  const add = async (name, server, port, command) => {
    if (server === undefined || !isThere(command[0])) {
      bench.remark(`${name} is left out: it needs ${name}, and ${command[0]} to receive.`);
      await server?.stop();
      return;
    }
    stops.push(() => server.stop());
    await listening(port);
    ways[name] = async () => {
      const before = server.cpu();
      const began = performance.now();
      const { cpu } = await run(command[0], command.slice(1));
      return { seconds: (performance.now() - began) / 1e3, cpu: cpu + server.cpu() - before };
    };
  };
  const curl = (port) => ['curl', '-s', '-o', target, `http://127.0.0.1:${port}/file`];
  // Always: the CPU time is compared with it.
  const nginxPort = await freePort();
  await add('nginx', nginx(path, nginxPort), nginxPort, curl(nginxPort));
  if (asked.includes('rsync')) {
    const port = await freePort();
    const from = `rsync://127.0.0.1:${port}/files/file`;
    await add('rsync', rsync(path, port), port, ['rsync', '--whole-file', '--inplace', from, target]);
  }
  if (asked.includes('http-server')) {
    const port = await freePort();
    await add('http-server', httpServer(path, port), port, curl(port));
  }
  return ways;
}

async function measure(bench, asked, { size, target, ways }) {
  const against = ways.nc === undefined ? 'c-to-c' : 'nc';
  const names = [...new Set([against, 'nginx', ...asked])].filter((name) => ways[name] !== undefined);
  const runs = new Map(names.map((name) => [name, []]));
  // Once without counting: the page cache, the buffers and the code are warm then.
  for (let round = -1; round < bench.rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      bench.note(`${name}, round ${round + 1}`);
      rmSync(target, { force: true });
      const result = await ways[name]();
      const written = statSync(target).size;
      if (written !== size) throw new Error(`${name}: ${written} of ${size} bytes are written.`);
      if (round >= 0) runs.get(name).push(result);
    }
  }
  const of = (name, key) => runs.get(name).map((result) => result[key]);
  return asked
    .filter((name) => runs.has(name))
    .flatMap((name) => {
      const { speed, stretch, cpu } = gates[name];
      const details = { 'MB/s': size / 1e6 / median(of(name, 'seconds')), 'CPU ms': median(of(name, 'cpu')) / 1e3 };
      const cells = [];
      if (runs.has(against)) {
        const value = medianRatio(of(against, 'seconds'), of(name, 'seconds'));
        cells.push({ name, against: `sendfile to ${against}`, value, unit: 'x', gate: speed, stretch, details });
      }
      if (name !== 'nginx' && runs.has('nginx')) {
        const value = medianRatio(of(name, 'cpu'), of('nginx', 'cpu'));
        cells.push({ name: `${name} cpu`, against: 'nginx to curl', value, unit: 'x', gate: cpu, less: true, details });
      }
      return cells;
    });
}

/** Runs a program to its end. Its CPU time and that of its children, in µs. */
async function run(command, args) {
  const script = 'TIMEFORMAT="%U %S"; time "$@" > /dev/null 2>&1';
  const child = spawn('bash', ['-c', script, 'bash', command, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part) => (text += part));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${text}`);
  const [user, system] = text.trim().split('\n').at(-1).split(' ').map(Number);
  return { cpu: (user + system) * 1e6 };
}

function isThere(command) {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Waits until a port is bound: nc takes one connection, so nothing may try it. */
async function listens(port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (;;) {
    const table = execFileSync('cat', ['/proc/net/tcp'], { encoding: 'utf8' });
    if (new RegExp(`:${hex} 00000000:0000 0A`).test(table)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
