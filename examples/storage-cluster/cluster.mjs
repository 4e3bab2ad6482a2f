// The three host processes: their ports, their folders, their lives.
import { fork } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export class Cluster {
  /** Names of the hosts: their URLs. */
  hosts = [];
  /** What a client shows to a host. */
  token = randomBytes(32).toString('hex');
  /** What the dashboard shows to a host. */
  operatorToken = randomBytes(16).toString('hex');
  #secret = randomBytes(32).toString('hex');
  #folder;
  #options;
  #running = new Map();
  #stopping = false;

  /**
   * `fail` hears when a host ends that nobody killed. `observed`: the hosts serve a dashboard. `withholdAt`: for the
   * spec, the host that withholds an answer.
   */
  constructor({ size, timeout, say, fail, withholdAt, observed = false }) {
    this.#options = { size, timeout, say, fail, withholdAt, observed };
  }

  async start() {
    this.#checkRunning();
    this.#folder = mkdtempSync(join(tmpdir(), 'storage-cluster-'));
    for (const port of await freePorts(this.#options.size)) this.hosts.push(`http://127.0.0.1:${port}`);
    await Promise.all(this.hosts.map((host) => this.startHost(host)));
  }

  folderOf(host) {
    return join(this.#folder, `host${this.hosts.indexOf(host) + 1}`);
  }

  pidOf(host) {
    return this.#running.get(host)?.pid;
  }

  label(host) {
    return `host ${this.hosts.indexOf(host) + 1}`;
  }

  /** Starts a host, with the files that it had. */
  async startHost(host) {
    this.#checkRunning();
    const { timeout, say, fail, withholdAt, observed } = this.#options;
    const settings = {
      name: host,
      hosts: this.hosts,
      folder: this.folderOf(host),
      secret: this.#secret,
      token: this.token,
      timeout,
      operatorToken: observed ? this.operatorToken : '',
      withhold: this.hosts.indexOf(host) === withholdAt,
    };
    const child = fork(fileURLToPath(new URL('host.mjs', import.meta.url)), {
      env: { ...process.env, STORAGE_HOST: JSON.stringify(settings) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#running.set(host, child);
    const listening = new Promise((resolve) => {
      child.on('message', (message) => {
        if (message.listening) resolve();
        else say(`${this.label(host)}: ${message.say}`);
      });
    });
    const gone = once(child, 'exit').then(() => {
      // One that was killed is no longer listed.
      if (this.#running.get(host) === child && !this.#stopping) {
        fail(new Error(`${this.label(host)} ended by itself`), host);
      }
    });
    await Promise.race([listening, gone]);
    this.#checkRunning();
  }

  /** Kills a host: it has no time to say goodbye, or to finish a write. */
  async kill(host) {
    const child = this.#running.get(host);
    this.#running.delete(host);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  #checkRunning() {
    if (this.#stopping) throw new Error('the cluster is stopped');
  }

  /** Ends all hosts and removes what they stored. */
  async stop() {
    this.#stopping = true;
    const ends = [...this.#running.values()].map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      // A host that has lost its parent removes its folder and ends.
      if (child.connected) child.disconnect();
      await gone;
    });
    await Promise.all(ends);
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Ports that nobody listens on. They are below those that systems give to outgoing connections: a host that was killed
 * must find its port free when it is back.
 */
async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) {
    const port = randomInt(10_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').catch(() => undefined);
    server.close();
    if (free !== undefined) ports.add(port);
  }
  return ports;
}
