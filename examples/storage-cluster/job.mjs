// @ts-check
// What the client does: stores all files, loses a host on the way, waits until that one has caught up, reads all back.
import { join } from 'node:path';
import { catchError, defer, EMPTY, filter, forkJoin, from, lastValueFrom, map, merge } from 'rxjs';
import { retry, throwError, timeout, timer } from 'rxjs';
import { consume, DisconnectedError, FileError } from 'rxgrid';
import { Source } from './files.mjs';
import { Outage } from './outage.mjs';

const putsAtOnce = 64;
const readsAtOnce = 24;
/** How long the hosts may take to be complete after the last put, in ms. */
const settleMs = 15_000;

/**
 * @typedef {import('./client.mjs').RemoteHost} RemoteHost
 * @typedef {import('./routes.mjs').Entry} Entry
 * @typedef {{ size: number, sha256: string, first: RemoteHost, missed: boolean }} Stored
 *   `first`: which host received it. `missed`: the killed host was away.
 */

export class Job {
  /** By path. @type {Map<string, Stored>} */
  stored = new Map();
  bytes = 0;
  /** Files. */
  counts = { unreadable: 0, leftOut: 0, failed: 0, read: 0, corrupted: 0 };
  /** Calls that failed and were made again. */
  retried = 0;
  /** Calls that the victim was serving when it was killed. */
  hit = 0;
  #dir;
  #hosts;
  #say;
  #outage;
  #isMiddle = () => false;
  #restartAt = Infinity;
  #started = 0;
  #turn = 0;

  /**
   * @param {object} options
   * @param {string} options.dir
   * @param {RemoteHost[]} options.hosts The last one is killed.
   * @param {(url: string) => Promise<void>} options.kill
   * @param {(url: string) => Promise<void>} options.restart
   * @param {(text: string) => void} options.say
   */
  constructor({ dir, hosts, kill, restart, say }) {
    this.#dir = dir;
    this.#hosts = hosts;
    this.#say = say;
    this.#outage = new Outage({ hosts, kill, restart, say });
  }

  /** Stores files, for so many ms at the most. @param {Entry[]} files @param {number} ms */
  async store(files, ms) {
    const end = performance.now() + ms;
    // Hosts are asked in turn: of the last puts, one is for the victim.
    this.#isMiddle = () =>
      this.stored.size >= files.length / 2 ||
      this.#started > files.length - this.#hosts.length ||
      performance.now() > end - ms / 2;
    const awayFor = Math.max(1, Math.floor(files.length / 8));
    const storeOne = (/** @type {Entry} */ file) => {
      if (performance.now() > end) {
        this.counts.leftOut++;
        return EMPTY;
      }
      return this.#storeOne(file, awayFor);
    };
    await finished(from(files).pipe(consume(storeOne, { concurrency: putsAtOnce })));
    await this.#outage.end();
  }

  /** Waits until every host has every file. One that never gets there is found out by `readBack`. */
  async settle() {
    const complete$ = forkJoin(this.#hosts.map((host) => host.complete(this.stored.size)));
    await finished(
      complete$.pipe(
        timeout(settleMs),
        map(() => this.#say('every host has every file')),
        catchError((error) => this.#giveUp(`not every host has every file: ${error.message}`)),
      ),
    );
  }

  /**
   * Reads every file back. The list of a host is held up by it: no entry comes before there is time to read its file.
   */
  async readBack() {
    const reads = this.#hosts.map((host) =>
      host.list().pipe(
        filter(({ path }) => this.readerOf(path) === host),
        consume(({ path }) => this.#check(path, host), { concurrency: readsAtOnce }),
        catchError((error) => this.#giveUp(`the list of ${host.label} broke off: ${error.message}`)),
      ),
    );
    await finished(merge(...reads));
  }

  /**
   * A host that did not receive the file first; the victim, where the file was stored without it. @param {string} path
   */
  readerOf(path) {
    const stored = this.stored.get(path);
    if (stored === undefined) return undefined;
    const { first, missed } = stored;
    if (missed && first !== this.#outage.victim) return this.#outage.victim;
    return this.#hosts[(this.#hosts.indexOf(first) + 1) % this.#hosts.length];
  }

  /** @param {Entry} file @param {number} awayFor How many files are stored while the victim is away. */
  #storeOne(file, awayFor) {
    const { path, size: length } = file;
    /** @type {RemoteHost} */
    let host;
    this.#started++;
    return defer(() => {
      host = this.#nextHost();
      return host.put(path, new Source(join(this.#dir, path), length), () => this.#asked(host, awayFor));
    }).pipe(
      retry({
        count: 4,
        delay: (error) => {
          if (isFileError(error)) return throwError(() => error);
          if (host === this.#outage.victim && error instanceof DisconnectedError && error.sent) this.hit++;
          return this.#again();
        },
      }),
      map(({ size, sha256 }) => {
        this.stored.set(path, { size, sha256, first: host, missed: this.#outage.state === 'away' });
        this.bytes += size;
        // store() hears of an error.
        if (this.stored.size >= this.#restartAt) this.#outage.end().catch(() => undefined);
      }),
      catchError((error) => {
        if (isFileError(error)) this.counts.unreadable++;
        else this.counts.failed++;
        return this.#giveUp(`${path} is not stored: ${error.message}`);
      }),
    );
  }

  /** A host has begun to serve a put, and asks for its bytes. @param {RemoteHost} host @param {number} awayFor */
  async #asked(host, awayFor) {
    if (host !== this.#outage.victim || this.#outage.state !== 'not yet' || !this.#isMiddle()) return;
    // So a call is in flight when the host is killed.
    this.#restartAt = this.stored.size + awayFor;
    await this.#outage.begin();
  }

  /**
   * Reads a file from one host, and asks the third one for its hash. @param {string} path @param {RemoteHost} reader
   */
  #check(path, reader) {
    const stored = this.stored.get(path);
    const others = this.#hosts.filter((host) => host !== reader && host !== stored?.first);
    const again = { count: 1, delay: () => this.#again() };
    const copies = [reader.get(path), ...others.map((host) => host.stat(path))].map((copy$) =>
      copy$.pipe(retry(again)),
    );
    return forkJoin(copies).pipe(
      map((digests) => {
        this.counts.read++;
        if (digests.every(({ sha256 }) => sha256 === stored?.sha256)) return;
        this.counts.corrupted++;
        this.#say(`${path} has other bytes on ${reader.label} than were stored`);
      }),
      catchError((error) => this.#giveUp(`${path} cannot be read from ${reader.label}: ${error.message}`)),
    );
  }

  /** In turn, those that are connected. */
  #nextHost() {
    const connected = this.#hosts.filter(({ state }) => state?.status === 'connected');
    const hosts = connected.length > 0 ? connected : this.#hosts;
    return hosts[this.#turn++ % hosts.length];
  }

  #again() {
    this.retried++;
    return timer(20);
  }

  /** Gives up, and says so. @param {string} text */
  #giveUp(text) {
    this.#say(text);
    return EMPTY;
  }
}

/** @param {import('rxjs').Observable<unknown>} work$ */
function finished(work$) {
  return lastValueFrom(work$, { defaultValue: undefined });
}

/** An error of reading the file here, not of a call. @param {any} error */
function isFileError(error) {
  return error.syscall !== undefined || error instanceof FileError;
}
