import { readFileSync } from 'node:fs';
import { freePort, Worker } from './worker.mjs';

const server = new URL('server.mjs', import.meta.url);
const client = new URL('client.mjs', import.meta.url);

/** CPU time in µs of a process that is not ours, such as a broker; on Linux only, 0 elsewhere. */
function foreignCpu(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    // utime and stime in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return 0;
  }
}

/** One peer: the server process and the client process of its adapter, connected. */
export class Pair {
  #extraPids;

  constructor(name, caps, server, client, extraPids) {
    this.name = name;
    this.caps = caps;
    this.server = server;
    this.client = client;
    this.#extraPids = extraPids;
  }

  /**
   * `peer`: { name, adapter: URL of its module, options: what the adapter gets besides the port, held: MiB of heap that
   * each process holds }.
   */
  static async start({ name, adapter, options, held = 0 }) {
    const port = await freePort();
    const workers = await Promise.all([Worker.start(server), Worker.start(client)]);
    try {
      for (const worker of workers) await worker.call('hold', held);
      const extraPids = await workers[0].call('start', adapter, { port, ...options });
      const caps = await workers[1].call('start', adapter, { port, ...options });
      return new Pair(name, caps, ...workers, extraPids);
    } catch (error) {
      await Promise.all(workers.map((worker) => worker.stop()));
      throw error;
    }
  }

  run(workload, args) {
    return this.client.call('run', workload, args);
  }

  /** CPU time of all its processes so far, in µs. */
  async cpu() {
    const usages = await Promise.all([this.server.call('usage'), this.client.call('usage')]);
    const own = usages.reduce((sum, { cpu }) => sum + cpu, 0);
    return this.#extraPids.reduce((sum, pid) => sum + foreignCpu(pid), own);
  }

  pin(cpus) {
    this.server.pin(cpus);
    this.client.pin(cpus);
  }

  async stop() {
    await this.client.stop();
    await this.server.stop();
  }
}
