// @ts-check
// One host, as the client sees it. The client is a leaf: it dials every host and is dialed by none.
import { concatMap, defer, filter, finalize, firstValueFrom, toArray } from 'rxjs';
import { retryOnDisconnect } from 'rxgrid';
import { connect } from 'rxgrid/node';
import { digestOf } from './files.mjs';
import { get, list, put, stat, watch } from './routes.mjs';

/** @typedef {import('./files.mjs').Source} Source */

export class RemoteHost {
  /** @type {import('rxgrid').ConnectionState | undefined} */
  state;
  /** @type {import('rxgrid').ConnectionStats | undefined} */
  stats;
  /** Puts under way. */
  puts = 0;
  /** What the host said last about itself. @type {import('./routes.mjs').HostReport | undefined} */
  report;
  #timeout;

  /** @param {{ url: string, label: string, token: string, timeout: number, say: (text: string) => void }} options */
  constructor({ url, label, token, timeout, say }) {
    this.url = url;
    this.label = label;
    this.#timeout = timeout;
    this.connection = connect(url, { token });
    this.connection.state$.subscribe((state) => (this.state = state));
    this.connection.stats$.subscribe((stats) => (this.stats = stats));
    this.connection.events$.subscribe((event) => say(`${label}: ${JSON.stringify(event)}`));
    this.connection
      .stream(watch, undefined)
      .pipe(retryOnDisconnect())
      .subscribe({
        next: (report) => (this.report = report),
        error: (error) => say(`${label}: no reports any more: ${error}`),
      });
  }

  /**
   * Stores a file. It is done when two hosts have it, and both have what is here.
   *
   * @param {string} path
   * @param {Source} source
   * @param {() => Promise<void>} asked Called when the host asks for the bytes; they go when it resolves.
   */
  put(path, source, asked) {
    return defer(() => {
      this.puts++;
      async function* input() {
        await asked();
        yield source.item();
      }
      return this.connection.exchange(put, { path, copies: 2 }, input, { timeout: this.#timeout }).pipe(
        toArray(),
        concatMap(async (receipts) => {
          const sent = await source.digest();
          const hosts = receipts.filter(({ sha256 }) => sha256 === sent.sha256).map(({ host }) => host);
          if (new Set(hosts).size < 2) throw new Error(`${this.label} did not store ${path} twice.`);
          return sent;
        }),
        finalize(() => this.puts--),
      );
    });
  }

  /** Reads a whole file. @param {string} path */
  get(path) {
    return defer(() => digestOf(this.connection.stream(get, { path }, { timeout: this.#timeout })));
  }

  /** @param {string} path */
  stat(path) {
    return this.connection.request(stat, { path }, { timeout: this.#timeout });
  }

  list() {
    return this.connection.stream(list, undefined);
  }

  /** Resolves when the host is connected with all others, and has so many files. @param {number} files */
  async complete(files) {
    await this.#reported(
      (report) => report.files >= files && report.links.every(({ status }) => status === 'connected'),
    );
  }

  /** Gets the figures of this moment. */
  async refresh() {
    this.report = await this.#reported(() => true);
    this.stats = await firstValueFrom(this.connection.stats$);
  }

  /** @param {(report: import('./routes.mjs').HostReport) => boolean} good */
  #reported(good) {
    return firstValueFrom(this.connection.stream(watch, undefined).pipe(filter(good)));
  }
}
