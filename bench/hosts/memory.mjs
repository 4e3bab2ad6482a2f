// A host that holds idle connections and idle streams, and what opens them.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { BehaviorSubject, NEVER, concat, filter, firstValueFrom, of } from 'rxjs';
import { connect, duplex, raw, staticToken, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { startHost } from './two-hosts.mjs';

const idle = duplex({ id: 1, name: 'idle', output: raw });
const greeting = duplex({ id: 2, name: 'greeting', output: raw });
const echo = unary({ id: 3, name: 'echo', request: raw, response: raw });
const one = new Uint8Array(1);
const ignore = () => {};

let host;
const leaves = [];
let subscriptions = [];

export async function start(port, otherPort) {
  host = await startHost(port, otherPort, (grid) => {
    grid.handle(idle, () => NEVER);
    grid.handle(greeting, () => concat(of(one), NEVER));
    grid.handle(echo, (payload) => payload);
  });
  await host.other.ready();
}

const members = new BehaviorSubject([]);
let hub;

/** A host that knows no others yet; gives its name. */
export async function startHub() {
  const { server, name } = await listen();
  hub = new Manager({ local: name, hosts: members, auth: staticToken('bench'), checksum: 'off' });
  await hub.attach(server);
  return name;
}

/** Starts hosts that know the hub and no other; gives their names. */
export async function startMembers(hub, count) {
  const names = [];
  for (let index = 0; index < count; index++) {
    const { server, name } = await listen();
    const member = new Manager({ local: name, hosts: [name, hub], auth: staticToken('bench'), checksum: 'off' });
    member.handle(echo, (payload) => payload);
    await member.attach(server);
    names.push(name);
  }
  return names;
}

/** Tells the hub of more hosts, waits until all are connected, and calls each once. */
export async function addMembers(names) {
  members.next([...members.value, ...names]);
  const isConnected = ({ status }) => status === 'connected';
  const all = ({ hosts }) => hosts.length === members.value.length && hosts.every(isConnected);
  await firstValueFrom(hub.cluster$.pipe(filter(all)));
  for (const name of names) await firstValueFrom(hub.connection(name).request(echo, one));
}

async function listen() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, name: `http://127.0.0.1:${server.address().port}` };
}

/** Opens connections to the host at `port`, and waits until each has answered a call. */
export async function openLeaves(port, count) {
  for (let index = 0; index < count; index++) {
    const leaf = connect(`ws://127.0.0.1:${port}`, { token: 'bench', checksum: 'off' });
    leaves.push(leaf);
    await firstValueFrom(leaf.request(echo, one));
  }
}

/** Opens streams that never give anything, and waits until the other host has them all. */
export async function openIdle(count) {
  for (let index = 0; index < count; index++) subscriptions.push(host.other.stream(idle).subscribe({ error: ignore }));
  await firstValueFrom(host.other.request(echo, one));
}

/** Opens streams that give one item each, and waits for the items. */
export async function openGreeting(count) {
  await new Promise((resolve, reject) => {
    let got = 0;
    const next = () => ++got === count && resolve();
    for (let index = 0; index < count; index++) {
      subscriptions.push(host.other.stream(greeting).subscribe({ next, error: reject }));
    }
  });
}

/** Round trip of a call, in ms. */
export async function call() {
  const start = performance.now();
  await firstValueFrom(host.other.request(echo, one));
  return performance.now() - start;
}

export function closeStreams() {
  for (const subscription of subscriptions) subscription.unsubscribe();
  subscriptions = [];
}

/** Calls and streams that are open on the connection. */
export async function open() {
  const { openIn, openOut } = await firstValueFrom(host.other.stats$);
  return openIn + openOut;
}
