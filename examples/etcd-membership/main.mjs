// @ts-check
// Hosts that find each other by etcd. `ETCD=http://127.0.0.1:2379 node examples/etcd-membership/main.mjs`
import { filter, firstValueFrom } from 'rxjs';
import { staticToken } from 'rxgrid';
import { hostsFromEtcd, Manager } from 'rxgrid/node';

const endpoints = process.env.ETCD ?? 'http://127.0.0.1:2379';
const prefix = `example-${process.pid}/`;
const first = 20_000 + (process.pid % 20_000);

// #region join
/** Starts a host that registers itself, and whose list of hosts follows etcd. */
async function join(/** @type {number} */ port) {
  const local = `http://127.0.0.1:${port}`;
  const hosts = hostsFromEtcd({ endpoints, prefix, self: local, ttl: 5, removeAfter: 500 });
  const grid = new Manager({ local, hosts, auth: staticToken('example') });
  await grid.listen();
  return grid;
}
// #endregion

// #region connected
/** Resolves when a host is connected with so many others. */
async function connectedWith(/** @type {Manager} */ grid, /** @type {number} */ others) {
  await firstValueFrom(
    grid.cluster$.pipe(
      filter(({ hosts }) => hosts.length === others && hosts.every(({ status }) => status === 'connected')),
    ),
  );
}
// #endregion

const a = await join(first);
const b = await join(first + 1);
await Promise.all([connectedWith(a, 1), connectedWith(b, 1)]);
console.log('two hosts have found each other');
const c = await join(first + 2);
await Promise.all([a, b, c].map((grid) => connectedWith(grid, 2)));
console.log('a third one has joined');
await b.drain();
await Promise.all([a, c].map((grid) => connectedWith(grid, 1)));
console.log('one has drained and left');
await Promise.all([a.close(), c.close()]);
