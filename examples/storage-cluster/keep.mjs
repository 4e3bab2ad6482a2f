// @ts-check
// npm start -- --keep: the three hosts stay up and work, and a browser shows what they do. Ctrl+C ends it.
import { join } from 'node:path';
import { catchError, defer, EMPTY, interval, mergeMap, repeat, tap, timer } from 'rxjs';
import { consume } from 'rxgrid';
import { fileBytes, readFile } from 'rxgrid/files';
import { RemoteHost } from './client.mjs';
import { Cluster } from './cluster.mjs';
import { Source, walk } from './files.mjs';
import { journal, search, tail } from './observed-routes.mjs';
import { backup } from './observed.mjs';

/** How long a host that was killed stays away, in ms: long enough to see it on the page. */
const awayMs = 60_000;
/** Files that are put and got, in turn; each put makes the folders of the hosts longer. */
const maxFiles = 400;
const maxFileBytes = 4_096;

/** A host that is killed here is missed, not mourned: the calls to it fail, and the others go on. */
const andGoOn = catchError(() => EMPTY);

/** @param {{ dir: string, timeout: number }} options */
export async function keep({ dir, timeout }) {
  const say = (/** @type {string} */ text) => console.log(text);
  /** @type {Cluster} */
  const cluster = new Cluster({
    size: 3,
    timeout,
    withholdAt: -1,
    observed: true,
    say: () => undefined,
    fail: (/** @type {Error} */ error, /** @type {string} */ host) => {
      say(`${error.message}; it is started again in ${awayMs / 1_000} s.`);
      setTimeout(() => {
        cluster.startHost(host).then(
          () => say(`${cluster.label(host)} is up again: kill -9 ${cluster.pidOf(host)}`),
          () => undefined,
        );
      }, awayMs).unref();
    },
  });
  const ended = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve);
  });
  const { files } = await walk(dir);
  const small = files.filter(({ size }) => size > 0 && size <= maxFileBytes).slice(0, maxFiles);
  await cluster.start();
  const hosts = cluster.hosts.map(
    (url) => new RemoteHost({ url, label: cluster.label(url), token: cluster.token, timeout, say: () => undefined }),
  );
  await Promise.all(hosts.map((host) => host.complete(0)));
  const work = traffic(hosts, dir, small);

  say(`\nThe dashboard: ${cluster.hosts[0]}/dashboard/#token=${cluster.operatorToken}\n`);
  for (const host of cluster.hosts) say(`${cluster.label(host)}  ${host}  process ${cluster.pidOf(host)}`);
  say(`\nKill one and look: kill -9 ${cluster.pidOf(cluster.hosts[2])}    End with Ctrl+C.`);
  await ended;
  work.unsubscribe();
  for (const { connection } of hosts) connection.close();
  await cluster.stop();
}

/**
 * What goes on: puts and gets, a search, a call that fails, a stream whose consumer is slow, and a file that is copied
 * slowly.
 *
 * @param {RemoteHost[]} hosts
 * @param {string} dir
 * @param {import('./routes.mjs').Entry[]} files
 */
function traffic(hosts, dir, files) {
  const [first, second] = /** @type {[RemoteHost, RemoteHost, RemoteHost]} */ (hosts);
  const connected = () => hosts.filter(({ state }) => state?.status === 'connected');
  const host = (/** @type {number} */ turn) => connected()[turn % Math.max(1, connected().length)];
  const file = (/** @type {number} */ turn) => files[turn % files.length];
  /** @param {number} ms @param {(host: RemoteHost, turn: number) => import('rxjs').Observable<unknown>} call */
  const every = (ms, call) =>
    interval(ms).pipe(
      mergeMap((turn) => {
        const to = host(turn);
        return to === undefined ? EMPTY : defer(() => call(to, turn)).pipe(andGoOn);
      }, 64),
    );
  let stored = 0;
  const puts = every(400, (to, turn) => {
    const { path, size } = file(turn) ?? { path: 'none', size: 0 };
    return to.put(path, new Source(join(dir, path), size), async () => undefined).pipe(tap(() => stored++));
  });
  const known = (/** @type {number} */ turn) =>
    file(turn % Math.max(1, Math.min(stored - 4, files.length)))?.path ?? '';
  const gets = every(70, (to, turn) => (stored < 5 ? EMPTY : to.get(known(turn * 7))));
  const stats = every(30, (to, turn) => (stored < 5 ? EMPTY : to.stat(known(turn))));
  const faults = every(7_000, (to) => to.stat('no-such-file'));
  const searches = every(150, ({ connection }) => connection.request(search, { text: 'js', limit: 20 }));
  // This consumer needs 20 s for an item: its host waits for credit.
  const slow = defer(() =>
    second.connection.stream(journal, undefined).pipe(consume(() => timer(20_000), { concurrency: 1 })),
  ).pipe(andGoOn, repeat({ delay: 1_000 }));
  const watch = hosts.map(({ connection }) =>
    defer(() => connection.stream(tail, { everyMs: 500 })).pipe(andGoOn, repeat({ delay: 1_000 })),
  );
  // At 4 MB/s.
  const copy = defer(() =>
    readFile(first.connection, backup).pipe(
      fileBytes(),
      consume((bytes) => timer(bytes.length / 4_000), { concurrency: 1 }),
    ),
  ).pipe(andGoOn, repeat({ delay: 3_000 }));
  const all = [puts, gets, stats, faults, searches, slow, copy, ...watch].map((each) => each.subscribe());
  return { unsubscribe: () => all.forEach((each) => each.unsubscribe()) };
}
