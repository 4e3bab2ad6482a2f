import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Etcd3 } from 'etcd3';
import { ReplaySubject } from 'rxjs';
import { freePort } from '../real-grid.js';

/** How to get what these tests need; undefined where it is there. */
export const etcdMissing: string | undefined =
  spawnSync('etcd', ['--version']).error === undefined
    ? undefined
    : 'etcd is not on PATH: these tests need it (Debian: apt-get install etcd-server)';

/** A real etcd of one member, which can be killed and started again with its data, or without. */
export class Etcd {
  /** As the option `endpoints` takes it. */
  endpoint = '';
  /** For what a test does to etcd itself. */
  client!: Etcd3;

  readonly #folder = mkdtempSync(join(tmpdir(), 'rxgrid-etcd-'));
  #port = 0;
  #peerPort = 0;
  #process: ChildProcess | undefined = undefined;

  /** Has it listen on a port that the test has chosen. */
  useClientPort(port: number): void {
    this.#port = port;
  }

  /** Starts it and waits until it answers. After {@link kill} it has the data of before. */
  async start(): Promise<this> {
    if (this.#peerPort === 0) {
      if (this.#port === 0) this.#port = await freePort();
      this.#peerPort = await freePort();
      this.endpoint = `http://127.0.0.1:${String(this.#port)}`;
      this.client = new Etcd3({ hosts: this.endpoint });
    }
    const peer = `http://127.0.0.1:${String(this.#peerPort)}`;
    const flags = {
      name: 'test',
      'data-dir': join(this.#folder, 'data'),
      'listen-client-urls': this.endpoint,
      'advertise-client-urls': this.endpoint,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `test=${peer}`,
      'heartbeat-interval': '20',
      'election-timeout': '200',
      'log-level': 'info',
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const env = { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch };
    const started = spawn('etcd', args, { stdio: ['ignore', 'ignore', 'pipe'], env });
    this.#process = started;
    for await (const [line] of on(createInterface(started.stderr), 'line', { close: ['close'] })) {
      if (String(line).includes('ready to serve client requests')) break;
    }
    // Nobody reads on: what it logs must not hold it up.
    started.stderr.resume();
    return this;
  }

  /** Kills it, as a power loss does. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    running.kill('SIGKILL');
    if (running.exitCode === null && running.signalCode === null) await once(running, 'exit');
  }

  /** Kills it and loses its data. */
  async wipe(): Promise<void> {
    await this.kill();
    rmSync(join(this.#folder, 'data'), { recursive: true, force: true });
  }

  /** Stops its process without ending it: connections stay open and nobody answers. The result lets it go on. */
  pause(): () => void {
    this.#process!.kill('SIGSTOP');
    return () => this.#process?.kill('SIGCONT');
  }

  /** Forgets all history up to now, so that no watch can begin before. */
  async compact(): Promise<void> {
    const { header } = await this.client.get('nothing').exec();
    await this.client.kv.compact({ revision: header.revision, physical: true });
  }

  /**
   * What happens to a key from now on, one value for each event. A list of hosts may leave out what was short: etcd
   * sends several events as one where a watch lags behind.
   */
  async changes(key: string): Promise<ReplaySubject<'put' | 'delete'>> {
    const changes = new ReplaySubject<'put' | 'delete'>(Infinity);
    const watcher = await this.client.watch().key(key).create();
    watcher.on('put', () => {
      changes.next('put');
    });
    watcher.on('delete', () => {
      changes.next('delete');
    });
    return changes;
  }

  /** Keys under a prefix. */
  keys(prefix: string): Promise<string[]> {
    return this.client.getAll().prefix(prefix).keys();
  }

  async close(): Promise<void> {
    (this.client as Etcd3 | undefined)?.close();
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
