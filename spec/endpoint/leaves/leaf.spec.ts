import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER, throwError } from 'rxjs';
import { ConfigurationError } from '../../../lib/errors.js';
import { connect } from '../../../lib/endpoint/leaves/leaf.js';
import { raw, type } from '../../../lib/codec/codec.js';
import { duplex, unary } from '../../../lib/contract/contract.js';
import { bind } from '../../../lib/handlers/bound.js';
import { createChecksum } from '../../../lib/wire/checksum.js';
import { MemoryNetwork } from '../../support/memory-network.js';

const host = 'http://host:9000';
const whoAmI = unary({ id: 1, name: 'whoAmI', request: raw, response: type<string>() });
const numbers = duplex({ id: 2, name: 'numbers', request: raw, output: type<number>() });
const relay = unary({ id: 3, name: 'relay', request: type<string>(), response: type<string>() });

let network: MemoryNetwork;
beforeEach(async () => {
  // Compiled once: what is left of a start takes no real time.
  await createChecksum();
  network = new MemoryNetwork();
});
afterEach(async () => {
  expect(await network.close()).toBe(0);
});

async function start(): Promise<void> {
  const manager = network.manager(host, [], { leaves: { authenticate: (token) => token } });
  manager.handle(whoAmI, (_, call) => call.caller);
  manager.handle(numbers, () => [1, 2, 3]);
  await manager.start();
}

describe('connect()', () => {
  it.each([
    ['ws://host', 'ws://host/minio/grid/v1'],
    ['wss://host:1/', 'wss://host:1/minio/grid/v1'],
    ['http://host/own', 'ws://host/own'],
    ['https://host', 'wss://host/minio/grid/v1'],
  ])('dials %s at %s', async (url, dialed) => {
    const dials: string[] = [];
    const leaf = connect(url, { token: 'x', runtime: network.runtime, dial: (to) => (dials.push(to), NEVER) });
    await network.settle();
    expect(dials).toStrictEqual([dialed]);
    expect(leaf.host).toBe(dialed);
    leaf.close();
  });

  it.each(['', 'host', '/path', 'ftp://host', 'ws://host/#part', 'file:///x'])('refuses %j', (url) => {
    expect(() => connect(url, { token: 'x' })).toThrow(ConfigurationError);
  });

  it.each([
    ['a dial that fails', () => throwError(() => new Error('offline'))],
    ['a dial that is never answered', () => NEVER],
  ])('reveals no secret of its URL in states, errors and events: %s', async (_, dial) => {
    const dialed: string[] = [];
    const leaf = connect('ws://user:hunter2@host/own?token=qsecret', {
      token: 'TOPSECRET',
      runtime: network.runtime,
      dial: (url) => (dialed.push(url), dial()),
    });
    const shown: unknown[] = [];
    leaf.state$.subscribe((state) => shown.push(state, state.error?.message));
    leaf.events$.subscribe((event) => shown.push(event));
    leaf
      .request(whoAmI, new Uint8Array())
      .subscribe({ error: (error: unknown) => shown.push((error as Error).message) });
    await network.pass(2_500);
    expect(dialed[0]).toBe('ws://user:hunter2@host/own?token=qsecret');
    expect(leaf.host).toBe('ws://host/own?…');
    expect(shown.length).toBeGreaterThan(3);
    expect(JSON.stringify(shown)).not.toMatch(/hunter2|qsecret|TOPSECRET/);
    leaf.close();
    await network.settle();
  });

  it.each(['ftp://user:hunter2@host', 'ws://user:hunter2@host/#part', 'user:hunter2@host', '//user:hunter2@host'])(
    'reveals no secret of the refused URL %j',
    (url) => {
      expect(() => connect(url, { token: 'x' })).toThrow(ConfigurationError);
      expect(() => connect(url, { token: 'x' })).toThrow(/^(?!.*hunter2)/);
    },
  );

  it('calls, streams, measures and shows frames like any connection', async () => {
    await start();
    const leaf = network.leaf(host, { token: 'ann' });
    const frames: number[] = [];
    leaf.frames$.subscribe(({ frame }) => frames.push(frame.op));
    const answer = firstValueFrom(leaf.request(whoAmI, new Uint8Array()));
    const items: number[] = [];
    leaf.stream(numbers, new Uint8Array()).subscribe((item) => items.push(item));
    await network.settle();
    await leaf.ready();
    expect(await answer).toBe('ann');
    expect(items).toStrictEqual([1, 2, 3]);
    expect(frames.length).toBeGreaterThan(3);
    expect((await firstValueFrom(leaf.stats$)).callsOut).toBe(2);
  });

  it('requests a token at each attempt, and reconnects without limit', async () => {
    await start();
    const tokens: string[] = [];
    const leaf = network.leaf(host, {
      token: async () => {
        tokens.push(`token ${tokens.length}`);
        return Promise.resolve(tokens.at(-1)!);
      },
    });
    for (let round = 1; round <= 3; round++) {
      await network.pass(2_100);
      await leaf.ready();
      const answer = firstValueFrom(leaf.request(whoAmI, new Uint8Array()));
      await network.settle();
      expect(await answer).toBe(`token ${round - 1}`);
      network.cut('leaf');
    }
    await network.pass(2_100);
    expect((await firstValueFrom(leaf.state$)).connects).toBe(4);
  });

  it('goes to back-off where getting a token fails, and recovers', async () => {
    await start();
    let broken = true;
    const leaf = network.leaf(host, {
      token: () => {
        if (broken) throw new Error('logged out');
        return 'ann';
      },
    });
    await network.settle();
    expect(await firstValueFrom(leaf.state$)).toMatchObject({
      status: 'back-off',
      error: { message: 'The token could not be made: logged out' },
    });
    broken = false;
    await network.pass(2_100);
    expect((await firstValueFrom(leaf.state$)).status).toBe('connected');
  });

  it('can be closed twice, also before it has started; calls fail', async () => {
    await start();
    const early = network.leaf(host);
    early.close();
    early.close();
    const leaf = network.leaf(host);
    await network.settle();
    leaf.close();
    await network.settle();
    await expect(early.ready()).rejects.toMatchObject({ code: 'disconnected' });
    const received: unknown[] = [];
    leaf.request(whoAmI, new Uint8Array()).subscribe({ error: (error: unknown) => received.push(error) });
    network.runtime.advance(0);
    expect(received).toMatchObject([{ code: 'disconnected', sent: false }]);
    let completed = false;
    leaf.events$.subscribe({ complete: () => (completed = true) });
    expect(completed).toBe(true);
  });

  it('knows one host: its handlers can call only that one', async () => {
    const dial = network.dialFrom('leaf');
    await start();
    const manager = network.manager('http://other:9000', [], { leaves: { authenticate: () => 'ann' } });
    manager.handle(whoAmI, (_, call) => call.caller);
    await manager.start();
    const handlers = [bind(relay, (to, call) => call.connection(to).request(whoAmI, new Uint8Array()))];
    const leaf = network.leaf('http://other:9000', { handlers, dial });
    await network.settle();
    const [relayed, back] = [leaf.host, 'http://other:9000'].map((to) =>
      firstValueFrom(manager.connection('ann').request(relay, to)),
    );
    const refused = firstValueFrom(manager.connection('ann').request(relay, 'http://host:9000'));
    refused.catch(() => undefined);
    await network.settle();
    // By its URL, and by the name that the leaf was told and sees as the caller.
    expect(await Promise.all([relayed, back])).toStrictEqual(['ann', 'ann']);
    await expect(refused).rejects.toMatchObject({ message: `A leaf knows one host: ${leaf.host}.` });
  });

  it('refuses calls of the host where it has no handlers, and says what it needs', async () => {
    const manager = network.manager(host, [], { leaves: { authenticate: (token) => token } });
    await manager.start();
    network.leaf(host);
    await network.settle();
    const leaf = manager.connection((await firstValueFrom(manager.leaves$)).leaves[0]!.identity);
    const calls = [
      firstValueFrom(leaf.request(whoAmI, new Uint8Array())),
      firstValueFrom(leaf.stream(numbers, new Uint8Array())),
    ].map(async (call) => call.catch((error: unknown) => error));
    await network.settle();
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: 'unimplemented', sent: false });
      expect((error as Error).message).toContain('Give its connect the option handlers');
    }
  });

  it('refuses two handlers for one route', () => {
    const handlers = [bind(whoAmI, () => 'x'), bind(whoAmI, () => 'y')];
    expect(() => connect('ws://host', { token: 'x', handlers })).toThrow(ConfigurationError);
  });

  it('survives a dial function that always fails', async () => {
    const leaf = network.leaf(host, { dial: () => throwError(() => new Error('offline')) });
    await network.pass(20_000);
    expect(await firstValueFrom(leaf.state$)).toMatchObject({ status: 'back-off', error: { message: 'offline' } });
  });
});
