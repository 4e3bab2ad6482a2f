// One file from the page cache to another process, in every way: throughput beside a loop of sendfile(2) in C, and CPU
// of the sender beside createReadStream().pipe(socket), which is what people do.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { measureMany } from '../files/many.mjs';
import { makeFile } from '../files/make-file.mjs';
import { listening, nginx, rsync } from '../hosts/file-server.mjs';
import { freePort, Worker } from '../processes/worker.mjs';
import { median, medianRatio } from '../report/statistics.mjs';

const acceptorModule = new URL('../hosts/file-acceptor.mjs', import.meta.url);
const dialerModule = new URL('../hosts/file-dialer.mjs', import.meta.url);
const source = fileURLToPath(new URL('../floors/sendfile.c', import.meta.url));
const mebibyte = 1 << 20;
const run = promisify(execFile);

/** Throughput against the loop in C, CPU against the pipe; where both are bounded. */
const gates = {
  kernel: { speed: 0.7, stretch: 0.9, cpu: 0.35, cpuStretch: 0.29 },
  pooled: { speed: 0.5, cpu: 0.5 },
  masked: { speed: 0.2, cpu: 1.1 },
  'zero-mask': {},
  pipe: {},
  'http-pipe': {},
  nginx: {},
  rsync: {},
};
const beside = ['call-p99', 'loop-delay', 'rss'];
/** A folder of small files. */
const many = { files: 10_000, bytes: 4096 };

export const files = {
  name: 'files',
  title: 'A file of 1 GiB from the page cache to another process',
  cells: [...Object.keys(gates), ...beside, 'many'],
  async run(bench) {
    const results = await measureOne(bench);
    if (bench.wants('many')) results.push(await measureFolder(bench));
    return results;
  },
};

async function measureFolder(bench) {
  bench.note('many');
  const times = await measureMany(many.files, many.bytes, bench.rounds);
  const value = medianRatio(times.tar, times.ours);
  bench.remark(`many: ${many.files} files of ${many.bytes} bytes, beside tar over TCP.`);
  return { name: 'many', against: 'tar over TCP', value, unit: 'x', gate: 0.5 };
}

async function measureOne(bench) {
  const asked = Object.keys(gates).filter((name) => bench.wants(name) || bench.wants(`${name} cpu`));
  if (asked.length === 0 && !beside.some((name) => bench.wants(name))) return [];
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rxgrid-bench-'));
  const workers = await Promise.all([acceptorModule, acceptorModule, dialerModule].map((one) => Worker.start(one)));
  const servers = [];
  try {
    const setup = await prepare(bench, folder, workers, servers);
    const results = asked.length === 0 ? [] : await measure(bench, asked, setup);
    if (beside.some((name) => bench.wants(name))) results.push(...(await measureBeside(bench, setup)));
    return results;
  } finally {
    for (const server of servers) await server?.stop();
    for (const worker of workers) await worker.stop();
    rmSync(folder, { recursive: true });
  }
}

async function prepare(bench, folder, [kernel, pooled, dialer], servers) {
  const path = join(folder, 'file');
  const size = makeFile(bench, path, 2);
  const [kernelPort, pooledPort, httpPort, nginxPort, rsyncPort] = await Promise.all(
    Array.from({ length: 5 }, () => freePort()),
  );
  await kernel.call('start', kernelPort, {});
  await pooled.call('start', pooledPort, { kernelSendfile: false });
  await pooled.call('startHttp', httpPort, path);
  await dialer.call('start', 'kernel', kernelPort, {});
  await dialer.call('start', 'pooled', pooledPort, {});
  await dialer.call('start', 'zero', kernelPort, { zeroMask: true });

  const cpuOf = async (worker) => (await worker.call('usage')).cpu;
  const by = async (worker, transfer) => {
    const before = await cpuOf(worker);
    const { seconds, bytes } = await transfer();
    return { seconds, bytes, cpu: (await cpuOf(worker)) - before };
  };
  const ways = {
    pipe: () =>
      by(pooled, async () => {
        const port = await dialer.call('listen');
        await pooled.call('pipe', path, port);
        return dialer.call('received');
      }),
    'http-pipe': () => by(pooled, () => dialer.call('takeHttp', httpPort)),
    kernel: () => by(kernel, () => dialer.call('take', 'kernel', path)),
    pooled: () => by(pooled, () => dialer.call('take', 'pooled', path)),
    masked: () => by(dialer, () => dialer.call('give', 'pooled', path)),
    'zero-mask': () => by(dialer, () => dialer.call('give', 'zero', path)),
  };
  const floor = compileFloor(folder);
  if (floor === undefined)
    bench.remark('There is no C compiler (cc): no floor in C, throughput is stated in MB/s only.');
  else {
    ways.c = async () => {
      const port = await dialer.call('listen');
      const { stdout } = await run(floor, [path, String(port)]);
      const { seconds, bytes } = await dialer.call('received');
      return { seconds, bytes, cpu: Number(stdout) };
    };
  }
  const served = async (name, server, port, transfer) => {
    if (server === undefined) {
      bench.remark(`${name} is not installed.`);
      return;
    }
    servers.push(server);
    await listening(port);
    ways[name] = async () => {
      const before = server.cpu();
      const { seconds, bytes } = await transfer();
      return { seconds, bytes, cpu: server.cpu() - before };
    };
  };
  if (bench.wants('nginx')) {
    await served('nginx', nginx(path, nginxPort), nginxPort, () => dialer.call('takeHttp', nginxPort, '/file'));
  }
  if (bench.wants('rsync')) {
    await served('rsync', rsync(path, rsyncPort), rsyncPort, async () => {
      const target = join(folder, 'copy');
      const began = performance.now();
      await run('rsync', ['--whole-file', '--inplace', `rsync://127.0.0.1:${rsyncPort}/files/file`, target]);
      const seconds = (performance.now() - began) / 1e3;
      rmSync(target);
      return { seconds, bytes: size };
    });
  }
  return { path, size, ways, kernel, dialer };
}

function compileFloor(folder) {
  const floor = join(folder, 'floor');
  try {
    execFileSync('cc', ['-O2', '-o', floor, source], { stdio: 'ignore' });
    return floor;
  } catch {
    return undefined;
  }
}

async function measure(bench, asked, { size, ways }) {
  const names = [...new Set(['c', 'pipe', ...asked])].filter((name) => ways[name] !== undefined);
  const runs = new Map(names.map((name) => [name, []]));
  // Once without counting: the page cache, the buffers and the code are warm then.
  for (let round = -1; round < bench.rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      bench.note(`${name}, round ${round + 1}`);
      const result = await ways[name]();
      if (result.bytes !== size) throw new Error(`${name}: ${result.bytes} of ${size} bytes came.`);
      if (round >= 0) runs.get(name).push(result);
    }
  }
  const of = (name, key) => runs.get(name).map((result) => result[key]);
  return asked
    .filter((name) => runs.has(name))
    .flatMap((name) => {
      const { speed, stretch, cpu, cpuStretch } = gates[name];
      const details = {
        'MB/s': size / 1e6 / median(of(name, 'seconds')),
        'CPU ms': median(of(name, 'cpu')) / 1e3,
      };
      const cells = [];
      if (runs.has('c')) {
        const value = medianRatio(of('c', 'seconds'), of(name, 'seconds'));
        cells.push({ name, against: 'sendfile in C', value, unit: 'x', gate: speed, stretch, details });
      }
      if (name !== 'pipe') {
        const value = medianRatio(of(name, 'cpu'), of('pipe', 'cpu'));
        cells.push({
          name: `${name} cpu`,
          against: 'pipe',
          value,
          unit: 'x',
          gate: cpu,
          stretch: cpuStretch,
          less: true,
          details,
        });
      }
      return cells;
    });
}

/** What else a transfer in kernel mode costs: a small call beside it, the event loop, memory. */
async function measureBeside(bench, { path, kernel, dialer, size }) {
  bench.note('beside');
  const times = [];
  const delays = [];
  await dialer.call('take', 'kernel', path);
  const before = (await kernel.call('settled')).rss;
  let peak = before;
  for (let round = 0; round < bench.rounds; round++) {
    await kernel.call('watchDelay');
    await dialer.call('take', 'kernel', path);
    delays.push((await kernel.call('told')).delay);
    peak = Math.max(peak, (await kernel.call('usage')).rss);
  }
  // After the memory: what thousands of calls leave to the garbage collector is not the files'.
  for (let round = 0; round < bench.rounds; round++) {
    times.push((await dialer.call('callBeside', 'kernel', path)).p99);
  }
  const { last } = await kernel.call('told');
  bench.remark(
    `In ${last.mode} mode ${((last.copied / size) * 100).toFixed(2)} % of the bytes passed through JavaScript${last.reason === undefined ? '' : `: ${last.reason}`}.`,
  );
  return [
    { name: 'call-p99', value: median(times), unit: 'ms', gate: 10, less: true },
    { name: 'loop-delay', value: median(delays), unit: 'ms', gate: 20, less: true },
    { name: 'rss', value: (peak - before) / mebibyte, unit: 'MiB', gate: 32, less: true },
  ].filter(({ name }) => bench.wants(name));
}
