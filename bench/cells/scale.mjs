// What a full mesh costs as it grows, and what an idle one costs.
import { Mesh } from '../scale/mesh.mjs';

/** Two pings of each connection. */
const quietMs = 21_000;
/** A third of the hosts is away for so long, in ms: long enough for a few dials of each of the others. */
const downMs = 6_000;
const binMs = 250;
const sizes = [3, 8, 32, 64, 128];

export const scale = {
  name: 'scale',
  title: 'A full mesh on loopback (mesh up after a cold start, in ms)',
  cells: sizes.map((size) => `hosts-${size}`),
  async run(bench) {
    const cells = [];
    for (const size of sizes) {
      if (!bench.wants(`hosts-${size}`)) continue;
      bench.note(`${size} hosts`);
      const grown = await grow(size).catch((error) => bench.remark(`${size} hosts: ${error.message}`));
      if (grown?.details === undefined) continue;
      const { details, dialsPerBin, value } = grown;
      bench.remark(`${size} hosts, dials each ${binMs} ms since a third was killed: ${dialsPerBin.join(' ')}`);
      cells.push({ name: `hosts-${size}`, value, unit: 'ms', details });
    }
    return cells;
  },
};

export const idle = {
  name: 'idle',
  title: 'An idle mesh of 32 hosts (CPU of a host, % of a core)',
  cells: ['hosts-32'],
  async run(bench) {
    if (!bench.wants('hosts-32')) return [];
    const mesh = await Mesh.of(32);
    try {
      await mesh.start();
      const { cpu } = await rest(mesh);
      return [{ name: 'hosts-32', value: cpu, unit: '%', less: true, gate: 1, details: { processes: mesh.processes } }];
    } finally {
      await mesh.stop();
    }
  },
};

async function grow(size) {
  const mesh = await Mesh.of(size);
  try {
    const before = sum(await mesh.all('settled'));
    const value = await mesh.start();
    const resting = await rest(mesh);
    const after = sum(await mesh.all('settled'));
    const { timers } = sum(await mesh.all('counts'));
    const killed = await mesh.killThird(downMs);
    return {
      value,
      dialsPerBin: histogram(killed.dials),
      details: {
        ends: mesh.ends,
        processes: mesh.processes,
        'third lost: noticed, ms': killed.noticed,
        'full again, ms': killed.full,
        'heap MiB': (after.heapUsed - before.heapUsed) / 1_024 / 1_024,
        'RSS MiB': after.rss / 1_024 / 1_024,
        'timers/end': timers / mesh.ends,
        'keepalive B/s/end': resting.bytes / mesh.ends,
        'CPU %/host': resting.cpu,
      },
    };
  } finally {
    await mesh.stop();
  }
}

/** CPU of a host in %, and bytes per second that all sent, while nobody calls. */
async function rest(mesh) {
  // What the start left to do is done.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const measure = async () => ({ at: Date.now(), ...sum(await mesh.all('counts')), ...sum(await mesh.all('usage')) });
  const from = await measure();
  await new Promise((resolve) => setTimeout(resolve, quietMs));
  const to = await measure();
  const seconds = (to.at - from.at) / 1_000;
  return {
    cpu: ((to.cpu - from.cpu) / 1e6 / seconds / mesh.hosts) * 100,
    bytes: (to.bytes - from.bytes) / seconds,
  };
}

function sum(all) {
  const total = {};
  for (const one of all) for (const [key, value] of Object.entries(one)) total[key] = (total[key] ?? 0) + value;
  return total;
}

function histogram(times) {
  const bins = [];
  for (const time of times) {
    const bin = Math.max(0, Math.floor(time / binMs));
    while (bins.length <= bin) bins.push(0);
    bins[bin]++;
  }
  return bins;
}
