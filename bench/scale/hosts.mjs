// A process with some hosts of a mesh.
import { sharedSecret } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { createServer } from 'node:http';
import { firstValueFrom } from 'rxjs';

const auth = sharedSecret('a secret that is only for the bench and longer than 32 bytes');
const hosts = [];
const dials = [];
let connected = 0;

/** Starts the hosts `names` of the mesh `all`. */
export async function start(names, all) {
  await Promise.all(
    names.map(async (local) => {
      const server = createServer();
      // Each connection that comes is a dial of another host.
      server.on('connection', () => dials.push(Date.now()));
      const { port, hostname } = new URL(local);
      await new Promise((resolve) => server.listen({ port, host: hostname, backlog: 1_024 }, resolve));
      const manager = new Manager({ local, hosts: all, auth });
      const peers = all.filter((other) => other !== local);
      const dialed = new Set();
      for (const peer of peers) watch(manager.connection(peer), () => dialed.has(peer));
      hosts.push({ manager, peers });
      await manager.attach(server);
      const cluster = await firstValueFrom(manager.cluster$);
      for (const { host, dials } of cluster.hosts) if (dials === 'local') dialed.add(host);
    }),
  );
}

function watch(connection, isDialed) {
  let before;
  connection.state$.subscribe(({ status }) => {
    connected += (status === 'connected') - (before === 'connected');
    // A dial that failed: nobody was there to count it.
    if (status === 'back-off' && isDialed()) dials.push(Date.now());
    before = status;
  });
}

/** Connections of the hosts here that are up. */
export const up = () => connected;

/** Times of the dials that came in or failed here since the last call, in ms since the epoch. */
export const takeDials = () => dials.splice(0);

/** What the process has sent on all connections, and the timers that it holds. */
export function counts() {
  const sum = { messages: 0, bytes: 0 };
  for (const { manager, peers } of hosts) {
    for (const peer of peers) {
      manager
        .connection(peer)
        .stats$.subscribe(({ messagesOut, bytesOut }) => {
          sum.messages += messagesOut;
          sum.bytes += bytesOut;
        })
        .unsubscribe();
    }
  }
  return { ...sum, timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length };
}
