// @ts-check
// Restarts three hosts one after the other, again and again, while orders are booked; then compares the orders with the
// ledger. `node examples/rolling-restart/main.mjs [ROUNDS]`
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { lastValueFrom } from 'rxjs';
import { GridError, sharedSecret } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { book } from './routes.mjs';

const rounds = Number(process.argv[2] ?? 3);
const folder = await mkdtemp(join(tmpdir(), 'rxgrid-rolling-'));
const ledger = join(folder, 'ledger');
await writeFile(ledger, '');

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  return port;
}

const names = [];
for (let i = 0; i < 4; i++) names.push(`http://127.0.0.1:${await freePort()}`);
const [caller = '', ...services] = names;

/** @type {Map<string, import('node:child_process').ChildProcess>} */
const processes = new Map();

/** @param {string} name */
async function start(name) {
  const child = fork(fileURLToPath(new URL('host.mjs', import.meta.url)), [name, ledger, ...names]);
  processes.set(name, child);
  await once(child, 'message');
  await grid.connection(name).ready();
}

/** @param {string} name */
async function stop(name) {
  const child = /** @type {import('node:child_process').ChildProcess} */ (processes.get(name));
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${name} ended with ${code}.`);
}

const grid = new Manager({
  local: caller,
  hosts: names,
  auth: sharedSecret('only an example, which everybody may read'),
});
await grid.listen();
await Promise.all(services.map(start));

const counts = { booked: 0, refused: 0, unknown: 0 };
/** @type {number[]} */
const acknowledged = [];
let orders = 0;
let open = true;

// #region order
/** Books one order. It repeats a call only if no host has begun it. */
async function placeOrder(/** @type {number} */ order) {
  for (;;) {
    try {
      return await lastValueFrom(grid.anyHost(book, order, { hosts: services }));
    } catch (error) {
      if (!(error instanceof GridError) || error.sent || !error.retryable) throw error;
      counts.refused++;
      await sleep(10);
    }
  }
}
// #endregion

async function worker() {
  while (open) {
    const order = orders++;
    try {
      await placeOrder(order);
      acknowledged.push(order);
      counts.booked++;
    } catch (error) {
      counts.unknown++;
      console.log(`order ${order}: ${error}`);
    }
  }
}

const workers = Array.from({ length: 16 }, worker);
for (let round = 0; round < rounds; round++) {
  for (const name of services) {
    await stop(name);
    await start(name);
  }
}
open = false;
await Promise.all(workers);
await Promise.all(services.map(stop));
await grid.close();

const lines = (await readFile(ledger, 'utf8')).split('\n').filter(Boolean).map(Number);
const written = new Set(lines);
const summary = {
  restarts: rounds * services.length,
  ...counts,
  lost: acknowledged.filter((order) => !written.has(order)).length,
  twice: lines.length - written.size,
};
console.log(`summary: ${JSON.stringify(summary)}`);
await rm(folder, { recursive: true });
