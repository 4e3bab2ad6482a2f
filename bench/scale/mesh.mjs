// A full mesh of hosts on loopback, spread over a few processes.
import { freePort, Worker } from '../processes/worker.mjs';

const module = new URL('hosts.mjs', import.meta.url);
const maxProcesses = 6;
const pollMs = 20;
const patienceMs = 110_000;

export class Mesh {
  #names = [];
  #shares = [];
  #workers = [];

  /** Names the hosts of the mesh and spreads them; nothing runs yet. */
  static async of(hosts) {
    const mesh = new Mesh();
    const ports = new Set();
    while (ports.size < hosts) ports.add(await freePort());
    mesh.#names = [...ports].map((port) => `http://127.0.0.1:${port}`);
    const processes = Math.min(hosts, maxProcesses);
    mesh.#shares = Array.from({ length: processes }, (_, index) =>
      mesh.#names.filter((_, i) => i % processes === index),
    );
    mesh.#workers = await Promise.all(mesh.#shares.map(() => Worker.start(module)));
    return mesh;
  }

  get hosts() {
    return this.#names.length;
  }

  /** Ends of connections in a full mesh: each is one end's memory, timer and pings. */
  get ends() {
    return this.hosts * (this.hosts - 1);
  }

  get processes() {
    return this.#workers.length;
  }

  /** Starts all hosts. Gives the ms until every host is connected with every other one. */
  async start() {
    const began = Date.now();
    await Promise.all(this.#workers.map((worker, index) => worker.call('start', this.#shares[index], this.#names)));
    return this.#until(this.ends, began);
  }

  /**
   * Kills a third of the processes, waits until the others have noticed and then for `downMs`, and starts them again.
   * Gives the ms to notice and the ms from the start until the mesh is full again, and the times of all dials since.
   */
  async killThird(downMs) {
    const dead = Math.max(1, Math.round(this.processes / 3));
    const lost = this.#shares.slice(0, dead).flat().length;
    const rest = this.hosts - lost;
    const killed = Date.now();
    await this.all('takeDials');
    await Promise.all(this.#workers.slice(0, dead).map((worker) => worker.kill()));
    const survivors = this.#workers.slice(dead);
    const noticed = await this.#until(rest * (rest - 1), killed, survivors);
    await new Promise((resolve) => setTimeout(resolve, downMs));
    const fresh = await Promise.all(this.#shares.slice(0, dead).map(() => Worker.start(module)));
    this.#workers = [...fresh, ...survivors];
    const began = Date.now();
    await Promise.all(fresh.map((worker, index) => worker.call('start', this.#shares[index], this.#names)));
    const full = await this.#until(this.ends, began);
    const dials = (await this.all('takeDials')).flat().map((at) => at - killed);
    return { lost, noticed, full, restarted: began - killed, dials };
  }

  /** Calls a function of every process. */
  all(name) {
    return Promise.all(this.#workers.map((worker) => worker.call(name)));
  }

  async stop() {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
  }

  async #until(ends, since, workers = this.#workers) {
    for (;;) {
      const up = (await Promise.all(workers.map((worker) => worker.call('up')))).reduce((sum, one) => sum + one, 0);
      if (up === ends) return Date.now() - since;
      if (Date.now() - since > patienceMs)
        throw new Error(`${up} of ${ends} connection ends are up after ${patienceMs} ms.`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}
