import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import type { GridEvent } from '../../lib/observe.js';
import type { Manager } from '../../lib/endpoint/manager.js';
import { whoDials } from '../../lib/endpoint/peers/who-dials.js';
import { createChecksum } from '../../lib/wire/checksum.js';
import { MemoryNetwork } from '../support/memory-network.js';

/*
 * Two processes under one host name: a rolling deploy that overlaps, a configuration that was copied. The older one
 * keeps its connection while it answers.
 */

const [a, b] = ['http://a:9000', 'http://b:9000'] as const;

let network: MemoryNetwork;
let acceptor: Manager;
let local: string;
let twin: string;
beforeEach(async () => {
  network = new MemoryNetwork();
  const { hash64 } = await createChecksum();
  [twin, local] = whoDials(a, b, hash64) ? [a, b] : [b, a];
  acceptor = network.manager(local, [twin]);
  await acceptor.start();
});
afterEach(async () => {
  expect(await network.close()).toBe(0);
});

async function process(): Promise<{ manager: Manager; events: GridEvent[] }> {
  const manager = network.manager(twin, [local]);
  const events: GridEvent[] = [];
  manager.events$.subscribe((event) => events.push(event));
  await manager.start();
  await network.pass(2_100, 100);
  return { manager, events };
}

const state = async (from: Manager, to: string) => firstValueFrom(from.connection(to).state$);
const duplicates = (events: readonly GridEvent[]): GridEvent[] =>
  events.filter(({ type }) => type === 'duplicate-host');

it('rejects the newcomer while the older one answers, and informs all three', async () => {
  const older = await process();
  const newer = await process();
  expect(await state(older.manager, local)).toMatchObject({ status: 'connected', connects: 1 });
  expect(await state(acceptor, twin)).toMatchObject({ status: 'connected', connects: 1 });
  expect(await state(newer.manager, local)).toMatchObject({ status: 'back-off', error: { code: 'rejected' } });
  const event = { type: 'duplicate-host', host: twin, at: local };
  expect(duplicates(newer.events)[0]).toStrictEqual(event);
  expect(duplicates(network.events(local))[0]).toStrictEqual(event);
  expect(older.events).toStrictEqual([event]);
  await older.manager.close();
});

it('makes the newcomer wait longer each time', async () => {
  const older = await process();
  const newer = await process();
  await network.pass(10 * 60_000, 500);
  // Once a second or two would be some 400 attempts; doubled up to a minute it is some 15.
  const attempts = duplicates(newer.events).length;
  expect(attempts).toBeGreaterThan(8);
  expect(attempts).toBeLessThan(20);
  expect(await state(older.manager, local)).toMatchObject({ status: 'connected', connects: 1 });
  await older.manager.close();
});

it('admits the newcomer when the older one has left', async () => {
  const older = await process();
  const newer = await process();
  await older.manager.close();
  await network.pass(62_000, 500);
  expect(await state(newer.manager, local)).toMatchObject({ status: 'connected', connects: 1 });
});
