// A sparse file of more than 4 GiB from a host that may have 512 MiB, page cache and all. The receiver looks at each
// byte: so lengths and offsets beyond 2^31 and 2^32 are right, too. The file is on the disk, not on a tmpfs: what is in
// a page cache counts as memory of who reads it.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeMemoryGroup } from '../processes/memory-group.mjs';
import { freePort, Worker } from '../processes/worker.mjs';

const acceptorModule = new URL('../hosts/file-acceptor.mjs', import.meta.url);
const dialerModule = new URL('../hosts/file-dialer.mjs', import.meta.url);
const mebibyte = 2 ** 20;
const limit = 512 * mebibyte;
const size = 2 ** 32 + 3 * mebibyte + 5;
/** One goes over each border, and one ends the file. */
const marks = [
  [0, 'begin'],
  [2 ** 31 - 2, 'two GiB'],
  [2 ** 32 - 2, 'four GiB'],
  [2 ** 32 + mebibyte + 1, 'beyond'],
  [size - 3, 'end'],
];
const ways = { kernel: {}, pooled: { kernelSendfile: false } };

export const filesMemory = {
  name: 'files-memory',
  title: 'Memory that a sparse file of 4 GiB, 3 MiB and 5 bytes costs the host that sends it',
  cells: Object.keys(ways),
  async run(bench) {
    const folder = mkdtempSync(join(tmpdir(), 'rxgrid-bench-'));
    const path = join(folder, 'sparse');
    try {
      makeSparse(path);
      const results = [];
      for (const [name, options] of Object.entries(ways)) {
        if (!bench.wants(name)) continue;
        bench.note(name);
        results.push(await measure(bench, name, options, path));
      }
      return results;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function makeSparse(path) {
  const file = openSync(path, 'w');
  ftruncateSync(file, size);
  for (const [position, text] of marks) writeSync(file, text, position);
  closeSync(file);
}

async function measure(bench, name, options, path) {
  const group = makeMemoryGroup(limit);
  const bounded = typeof group !== 'string';
  if (!bounded) bench.remark(`Not within ${limit / mebibyte} MiB: no control group can be made here (${group}).`);
  const workers = [];
  try {
    const host = await Worker.start(acceptorModule, bounded ? group.start : {});
    workers.push(host);
    const dialer = await Worker.start(dialerModule);
    workers.push(dialer);
    const port = await freePort();
    await host.call('start', port, options);
    await dialer.call('start', name, port, {});
    const before = await host.call('settled');
    await host.call('watchMemory');
    const { seconds, bytes } = await dialer.call('takeSparse', name, path, marks);
    if (bytes !== size) throw new Error(`${name}: ${bytes} of ${size} bytes came.`);
    const most = await host.call('memory');
    const { last } = await host.call('told');
    if (last.mode !== name) bench.remark(`${name}: it went in ${last.mode} mode. ${last.reason}`);
    const details = {
      'buffers MiB': (most.arrayBuffers - before.arrayBuffers) / mebibyte,
      'MB/s': size / 1e6 / seconds,
      'JavaScript %': (last.copied / size) * 100,
    };
    if (bounded) {
      details['group MiB'] = group.peak === undefined ? '' : group.peak / mebibyte;
      details.killed = group.kills;
    }
    return { name, value: (most.rss - before.rss) / mebibyte, unit: 'MiB', gate: 32, less: true, details };
  } catch (error) {
    if (bounded && group.kills > 0) {
      throw new Error(`${name}: the host was killed: it needs more than ${limit / mebibyte} MiB.`, { cause: error });
    }
    throw error;
  } finally {
    for (const worker of workers) await worker.stop();
    if (bounded) group.remove();
  }
}
