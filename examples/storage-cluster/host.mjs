// @ts-check
// One host of the store: a process with its own port and folder. cluster.mjs starts it.
import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  auditTime,
  catchError,
  combineLatest,
  defer,
  EMPTY,
  filter,
  lastValueFrom,
  map,
  NEVER,
  retry,
  switchMap,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { consume, DisconnectedError, sharedSecret } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { digestOf } from './files.mjs';
import { mayLook, observe } from './observed.mjs';
import { get, list, put, stat, watch } from './routes.mjs';
import { Store } from './store.mjs';

/**
 * @type {{ name: string, hosts: string[], folder: string, secret: string, token: string, timeout: number, withhold:
 * boolean, operatorToken: string }}
 */
const { name, hosts, folder, secret, token, timeout, withhold, operatorToken } = JSON.parse(
  process.env.STORAGE_HOST ?? '',
);
const peers = hosts.filter((host) => host !== name);
// A terminal sends Ctrl-C to all processes: the parent decides. When it has gone, however it went, so does this host.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('disconnect', leave);
if (!process.connected) leave();

/** Second copies that may be under way when their puts are done: a slow host slows the puts, and fills no memory. */
const maxBehind = 64;

const store = new Store(folder);
const isObserved = operatorToken !== '';
const grid = new Manager({
  local: name,
  hosts,
  auth: sharedSecret(secret),
  leaves: {
    authenticate(presented) {
      if (isObserved && presented === operatorToken) return 'operator';
      if (presented !== token) throw new Error('unknown client');
      return 'client';
    },
  },
  // The dashboard at one host asks the others through it.
  ...(isObserved ? { relay: { authorize: mayLook } } : {}),
});
/** A call is tried again, but not while its host is away. */
const unlessLost = {
  count: 3,
  delay: (/** @type {unknown} */ error) => (isLoss(error) ? throwError(() => error) : timer(100)),
};
const counts = { failedCopies: 0, fetched: 0 };
/** @type {Set<Promise<unknown>>} */
const behind = new Set();
/** @type {Set<string>} */
const fetching = new Set();

grid.handle(put, async function* ({ path, copies }, call) {
  const written = await store.write(path, call.input);
  yield { host: name, ...written };
  if (copies === 1) return;
  // After its start a host may hear its client before its peers.
  await Promise.any(peers.map((peer) => grid.connection(peer).ready()));
  const others = peers.map((peer) => copyTo(peer, path, written.sha256));
  const first = await Promise.any(others).catch(() => undefined);
  if (first === undefined) throw new Error(`No other host took a copy of ${path}.`);
  yield first;
  while (behind.size > maxBehind) await Promise.race(behind);
});
grid.handle(get, ({ path }, call) => (isWithheld(path, call.caller) ? NEVER : store.regions(path)));
grid.handle(list, () => store.entries());
grid.handle(stat, ({ path }) => digestOf(store.read(path)));
grid.handle(watch, (_, call) =>
  combineLatest([...peers, call.caller].map(linkReport)).pipe(
    auditTime(100),
    map((links) => ({ files: store.count, bytes: store.bytes, ...counts, links })),
  ),
);

/**
 * Copies a file to another host. Not on behalf of the put: of two copies, one may still be under way when it is done.
 * A copy for a host that is away, or is lost, is not made again from here: that host catches up when it is back.
 *
 * @param {string} peer
 * @param {string} path
 * @param {string} sha256
 */
function copyTo(peer, path, sha256) {
  const copy$ = grid
    .connection(peer)
    .exchange(put, { path, copies: 1 }, () => store.regions(path), { timeout, waitForConnect: false });
  const copying = lastValueFrom(
    copy$.pipe(
      tap((receipt) => {
        if (receipt.sha256 !== sha256) throw new Error(`${peer} got other bytes.`);
      }),
      retry(unlessLost),
    ),
  );
  /** @type {Promise<unknown>} */
  const settled = copying.then(
    () => behind.delete(settled),
    (error) => {
      behind.delete(settled);
      if (!isLoss(error)) say(`no copy of ${path} for ${peer}: ${error.message}`);
      else if (error.sent) counts.failedCopies++;
    },
  );
  behind.add(settled);
  return copying;
}

/** Fetches what a peer has and this host has not. @param {string} peer */
function catchUp(peer) {
  const connection = grid.connection(peer);
  const isMissing = (/** @type {string} */ path) => !store.has(path) && !fetching.has(path);
  return connection.stream(list, undefined).pipe(
    filter(({ path }) => isMissing(path)),
    // The credit of an entry returns when its file is here: a long list does not run ahead of the disk.
    consume(({ path }) => (isMissing(path) ? fetchFrom(connection, path) : EMPTY), { concurrency: 16 }),
  );
}

/** @param {import('rxgrid').Connection} connection @param {string} path */
async function fetchFrom(connection, path) {
  fetching.add(path);
  try {
    await store.write(path, connection.stream(get, { path }, { timeout }));
    counts.fetched++;
  } finally {
    fetching.delete(path);
  }
}

// At the start, and after every loss: each side may have got files that the other one has not.
for (const peer of peers) {
  const connected$ = grid.connection(peer).state$.pipe(filter(({ status }) => status === 'connected'));
  const caughtUp$ = defer(() => catchUp(peer)).pipe(
    retry(unlessLost),
    catchError((error) => {
      // After a loss the next connection starts anew.
      if (!isLoss(error)) say(`did not catch up with ${peer}: ${error.message}`);
      return EMPTY;
    }),
  );
  connected$.pipe(switchMap(() => caughtUp$)).subscribe();
}

/** @param {unknown} error @returns {error is DisconnectedError} */
function isLoss(error) {
  return error instanceof DisconnectedError;
}

/** @param {string} host */
function linkReport(host) {
  const { state$, stats$ } = grid.connection(host);
  return combineLatest([state$, stats$]).pipe(map(([{ status, connects }, stats]) => ({ ...stats, status, connects })));
}

/** @type {string | undefined} */
let withheld;
/**
 * For the spec: of all files, the client never gets the one that it asks for first. @param {string} path @param
 * {string} caller
 */
function isWithheld(path, caller) {
  return withhold && caller === 'client' && path === (withheld ??= path);
}

function leave() {
  rmSync(folder, { recursive: true, force: true });
  try {
    rmdirSync(dirname(folder));
  } catch {
    // Other hosts still have their folders there.
  }
  process.exit();
}

/** @param {string} text */
function say(text) {
  if (process.connected) process.send?.({ say: text });
}

if (isObserved) observe(grid, store, folder);
grid.events$.subscribe((event) =>
  say(`${event.type} ${'error' in event ? event.error.message : JSON.stringify(event)}`),
);
await grid.listen({ address: '127.0.0.1' });
process.send?.({ listening: true });
