import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BehaviorSubject, firstValueFrom, NEVER } from 'rxjs';
import { RejectedError } from '../../../lib/rejection.js';
import type { LeafConnection } from '../../../lib/endpoint/leaves/leaf.js';
import type { LeafOptions } from '../../../lib/endpoint/leaves/leaves.js';
import type { ClusterState } from '../../../lib/endpoint/peers/cluster-state.js';
import type { Manager } from '../../../lib/endpoint/manager.js';
import type { GridEvent } from '../../../lib/observe.js';
import { raw, type } from '../../../lib/codec/codec.js';
import { duplex, unary } from '../../../lib/contract/contract.js';
import { bind } from '../../../lib/handlers/bound.js';
import { MemoryNetwork, skewed } from '../../support/memory-network.js';

const host = 'http://host:9000';
const whoAmI = unary({ id: 1, name: 'whoAmI', request: raw, response: type<string>() });
const secret = unary({ id: 1, subroute: 'secret', name: 'secret', request: raw, response: type<string>() });
const named = unary({ name: 'named', request: raw, response: type<string>() });
const notify = unary({ id: 3, name: 'notify', request: type<string>(), response: type<string>() });
const callBack = unary({ id: 4, name: 'callBack', request: raw, response: type<string>() });

let network: MemoryNetwork;
beforeEach(() => {
  network = new MemoryNetwork();
});
afterEach(async () => {
  expect(await network.close()).toBe(0);
});

async function start(leaves?: Partial<LeafOptions>): Promise<Manager> {
  const options = leaves && { leaves: { authenticate: (token: string) => `user ${token}`, ...leaves } };
  const manager = network.manager(host, [], options);
  manager.handle(whoAmI, (_, call) => call.caller);
  manager.handle(secret, () => 'the secret');
  manager.handle(named, () => 'by name');
  manager.handle(callBack, (_, call) => call.connection(call.caller).request(notify, 'ping'));
  await manager.start();
  return manager;
}

async function ask(leaf: LeafConnection, route = whoAmI): Promise<string> {
  const answer = firstValueFrom(leaf.request(route, new Uint8Array()));
  answer.catch(() => undefined);
  await network.settle();
  return answer;
}

async function reasonOf(leaf: LeafConnection): Promise<unknown> {
  await network.settle();
  return (await firstValueFrom(leaf.state$)).error?.cause;
}

const boom = (): never => {
  throw new Error('select from users failed');
};

describe('a host', () => {
  it('accepts no leaves by default, and says so at both ends', async () => {
    await start();
    const leaf = network.leaf(host);
    const events: unknown[] = [];
    leaf.events$.subscribe((event) => events.push(event));
    const reason = `${host} takes no leaves: give its Manager the option leaves: { authenticate }`;
    expect(await reasonOf(leaf)).toMatchObject({ code: 'permission-denied', reason });
    expect(events).toStrictEqual([{ type: 'rejected', host: leaf.host, by: 'remote', reason }]);
    expect(network.events(host)).toStrictEqual([{ type: 'rejected', host: 'a leaf', by: 'local', reason }]);
  });

  it.each<[string, LeafOptions['authenticate']]>([
    ['at once', (token) => `user ${token}`],
    ['later', async (token) => Promise.resolve(`user ${token}`)],
  ])('learns who a leaf is, %s: handlers see it as the caller', async (_, authenticate) => {
    await start({ authenticate });
    const leaf = network.leaf(host, { token: 'ann' });
    expect(await ask(leaf)).toBe('user ann');
  });

  it('preserves the `this` of its hook', async () => {
    class Users implements LeafOptions {
      readonly prefix = 'user ';
      authenticate(token: string): string {
        return this.prefix + token;
      }
    }
    const manager = network.manager(host, [], { leaves: new Users() });
    manager.handle(whoAmI, (_, call) => call.caller);
    await manager.start();
    expect(await ask(network.leaf(host, { token: 'ann' }))).toBe('user ann');
  });

  it('rejects a leaf whose hook throws or rejects, with a neutral text; the event has the real one', async () => {
    await start({
      authenticate: (token) => {
        if (token === 'sync') throw new Error('not you');
        return Promise.reject(new Error('nor you'));
      },
    });
    const reason = 'the token is not accepted';
    expect(await reasonOf(network.leaf(host, { token: 'sync' }))).toMatchObject({ reason });
    expect(await reasonOf(network.leaf(host, { token: 'async' }))).toMatchObject({ reason });
    expect(network.events(host)).toMatchObject([{ reason: 'not you' }, { reason: 'nor you' }]);
  });

  it.each<[string, object]>([
    ['identity', { identity: { get: boom } }],
    ['expiresAt', { identity: { value: 'ann' }, expiresAt: { get: boom } }],
    ['date', { identity: { value: 'ann' }, expiresAt: { value: { valueOf: boom } } }],
  ])('reveals nothing to a leaf of what the %s returned by its hook throws', async (_, parts) => {
    await start({ authenticate: () => Object.defineProperties({}, parts as PropertyDescriptorMap) as never });
    const leaf = network.leaf(host);
    expect(await reasonOf(leaf)).toMatchObject({ code: 'unauthenticated', reason: 'the token is not accepted' });
    expect(network.events(host)).toStrictEqual([
      { type: 'rejected', host: 'a leaf', by: 'local', reason: 'select from users failed' },
    ]);
  });

  it('bounds the metadata of running calls, as it bounds their payloads', async () => {
    const manager = network.manager(host, [], {
      limits: { maxReceiveBytes: 5_000 },
      leaves: { authenticate: () => 'ann' },
    });
    manager.handle(whoAmI, () => NEVER);
    await manager.start();
    const leaf = network.leaf(host);
    await network.settle();
    const errors: unknown[] = [];
    const call = (): unknown =>
      leaf.request(whoAmI, new Uint8Array(), { meta: { large: 'x'.repeat(2_500) } }).subscribe({
        error: (error: unknown) => errors.push(error),
      });
    for (let count = 0; count < 3; count++) call();
    await network.settle();
    expect(errors).toStrictEqual([expect.objectContaining({ code: 'resource-exhausted', sent: false })]);
  });

  it('sends a leaf the reason of a RejectedError', async () => {
    await start({
      authenticate: () => {
        throw new RejectedError('ann is suspended since Monday', 'your account is suspended');
      },
    });
    expect(await reasonOf(network.leaf(host))).toMatchObject({ reason: 'your account is suspended' });
    expect(network.events(host)).toMatchObject([{ reason: 'ann is suspended since Monday' }]);
  });

  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    ['', 'an empty text'],
    [false, 'a boolean'],
    [{ id: 1 }, 'an object'],
    [['ann'], 'a list'],
    [7, 'a number'],
  ])('admits no leaf for which authenticate returns %j', async (identity, shown) => {
    await start({ authenticate: () => identity as string });
    const leaf = network.leaf(host);
    expect(await reasonOf(leaf)).toMatchObject({ code: 'unauthenticated', reason: 'the token is not accepted' });
    expect(network.events(host)).toMatchObject([
      { type: 'rejected', host: 'a leaf', by: 'local', reason: expect.stringContaining(`gave ${shown} instead`) },
    ]);
  });

  it('accepts no leaf under the name of a host, its own included', async () => {
    const other = 'http://other:9000';
    const manager = network.manager(host, [other], { leaves: { authenticate: (token) => token } });
    await manager.start();
    for (const token of [host, other]) {
      expect(await reasonOf(network.leaf(host, { token }))).toMatchObject({ reason: 'the token is not accepted' });
    }
    expect(network.events(host)).toMatchObject([
      { reason: expect.stringContaining(`identity ${host}, which is the name of a host`) },
      { reason: expect.stringContaining(`identity ${other}, which is the name of a host`) },
    ]);
  });

  it('closes a leaf whose identity becomes the name of a host', async () => {
    const joining = 'http://joining:9000';
    const hosts = new BehaviorSubject<readonly string[]>([]);
    const manager = network.manager(host, hosts, { leaves: { authenticate: (token) => token } });
    await manager.start();
    const [leaf, other] = [network.leaf(host, { token: joining }), network.leaf(host, { token: 'ann' })];
    await Promise.all([leaf.ready(), other.ready(), network.settle()]);
    hosts.next([joining]);
    await network.settle();
    expect((await firstValueFrom(leaf.state$)).status).toBe('connecting');
    expect((await firstValueFrom(other.state$)).status).toBe('connected');
    await network.pass(2_100);
    expect((await firstValueFrom(leaf.state$)).status).toBe('refused');
  });

  it('tells handlers whether the caller is a host or a leaf', async () => {
    const kindOf = unary({ id: 7, name: 'kindOf', request: raw, response: type<string>() });
    const manager = await start({});
    manager.handle(kindOf, (_, call) => call.callerKind);
    expect(await ask(network.leaf(host), kindOf)).toBe('leaf');
    const answer = firstValueFrom(manager.connection(host).request(kindOf, new Uint8Array()));
    await network.settle();
    expect(await answer).toBe('host');
  });

  it('rejects a leaf with a wrong clock', async () => {
    await start({});
    const leaf = network.leaf(host, { runtime: skewed(network.runtime, -400_000) });
    expect(await reasonOf(leaf)).toMatchObject({ reason: expect.stringContaining('the clocks differ by 400 s') });
  });

  it('verifies the origin of pages, and passes it to the hook', async () => {
    const origins: unknown[] = [];
    await start({
      origins: ['https://good.example'],
      authenticate: (token, info) => {
        origins.push(info.origin);
        return token;
      },
    });
    const good = network.leaf(host, {}, { origin: 'https://good.example' });
    expect(await ask(good)).toBe('leaf');
    const tool = network.leaf(host);
    expect(await ask(tool)).toBe('leaf');
    for (const origin of ['https://bad.example', 'https://good.example:8443', 'null', '']) {
      expect(await reasonOf(network.leaf(host, {}, { origin }))).toMatchObject({
        reason: `the origin ${origin} may not connect`,
      });
    }
    expect(origins).toStrictEqual(['https://good.example', undefined]);
  });

  it('lets leaves call only the routes of its list, by id, subroute or name', async () => {
    await start({ routes: [whoAmI, named] });
    const leaf = network.leaf(host);
    expect(await ask(leaf)).toBe('user leaf');
    expect(await ask(leaf, named)).toBe('by name');
    for (const [route, name] of [
      [secret, 'secret/secret'],
      [callBack, 'callBack'],
    ] as const) {
      await expect(ask(leaf, route)).rejects.toMatchObject({
        code: 'permission-denied',
        message: `${name}: ${leaf.host} refused the call: Leaves may not call this route. Add it to leaves.routes there.`,
      });
    }
  });

  it('lets hosts call routes that leaves may not call', async () => {
    const manager = await start({ routes: [] });
    const answer = firstValueFrom(manager.connection(host).request(secret, new Uint8Array()));
    await network.settle();
    expect(await answer).toBe('the secret');
    await expect(ask(network.leaf(host))).rejects.toMatchObject({
      code: 'permission-denied',
      sent: false,
      retryable: false,
    });
  });

  it('admits at most max leaves, also of simultaneous ones, and others when these have left', async () => {
    await start({ max: 2 });
    const leaves = Array.from({ length: 5 }, (_, index) => network.leaf(host, { token: `${index}` }));
    await network.settle();
    const statuses = await Promise.all(leaves.map(async (leaf) => (await firstValueFrom(leaf.state$)).status));
    expect(statuses).toStrictEqual(['connected', 'connected', 'back-off', 'back-off', 'back-off']);
    expect(await reasonOf(leaves[2]!)).toMatchObject({
      reason: '2 leaves are connected, which is the limit (leaves.max)',
    });
    leaves[0]!.close();
    await network.pass(2_100);
    const connected = await Promise.all(
      leaves.slice(1).map(async (leaf) => (await firstValueFrom(leaf.state$)).status),
    );
    expect(connected.filter((status) => status === 'connected').length).toBe(2);
  });

  it('calls the handlers of a leaf, from a handler or unprompted', async () => {
    const manager = await start({});
    const handlers = [bind(notify, (text, call) => `${text} pong to ${call.caller}`)];
    const leaf = network.leaf(host, { token: 'ann', handlers });
    expect(await ask(leaf, callBack)).toBe(`ping pong to ${host}`);
    const answer = firstValueFrom(manager.connection('user ann').request(notify, 'hi'));
    await network.settle();
    expect(await answer).toBe(`hi pong to ${host}`);
  });

  it('has a closed connection to a departed leaf, whose calls fail; an unknown leaf is an error', async () => {
    const manager = await start({});
    const leaf = network.leaf(host, { token: 'ann', handlers: [bind(notify, (text) => text)] });
    await network.settle();
    const kept = manager.connection('user ann');
    leaf.close();
    await network.settle();
    for (const connection of [kept, manager.connection('user ann')]) {
      const answer = firstValueFrom(connection.request(notify, 'hi'));
      answer.catch(() => undefined);
      // A failure is delivered on a macrotask.
      network.runtime.advance(0);
      await expect(answer).rejects.toMatchObject({ code: 'disconnected', sent: false, host: 'user ann' });
      await expect(connection.ready()).rejects.toMatchObject({ code: 'disconnected' });
    }
    expect(() => manager.connection('user bob')).toThrow('user bob is no host of this cluster');
  });

  it('finds the newest of several leaves with one identity, and the older one when that has left', async () => {
    const manager = await start({ authenticate: () => 'twin' });
    const leaves = ['old', 'new'].map((name) => network.leaf(host, { handlers: [bind(notify, () => name)] }));
    await network.settle();
    const who = async (): Promise<string> => {
      const answer = firstValueFrom(manager.connection('twin').request(notify, ''));
      await network.settle();
      return answer;
    };
    expect(await who()).toBe('new');
    leaves[1]!.close();
    await network.settle();
    expect(await who()).toBe('old');
  });

  it('counts handlers left running by an identity when a leaf of it reconnects', async () => {
    const manager = network.manager(host, [], {
      leaves: { authenticate: (token) => `user ${token}` },
      limits: { maxOpenMuxes: 2 },
    });
    const ends: (() => void)[] = [];
    manager.handle(whoAmI, () => new Promise((resolve) => ends.push(() => resolve('ended'))));
    await manager.start();
    const startedBy = async (token: string): Promise<number> => {
      const before = ends.length;
      const leaf = network.leaf(host, { token });
      for (let call = 0; call < 3; call++) leaf.request(whoAmI, new Uint8Array()).subscribe({ error: () => undefined });
      await network.settle();
      leaf.close();
      await network.settle();
      return ends.length - before;
    };
    expect([await startedBy('ann'), await startedBy('ann')]).toStrictEqual([2, 0]);
    // Nobody else is concerned.
    expect(await startedBy('bob')).toBe(2);
    ends[0]!();
    await network.settle();
    expect([await startedBy('ann'), await startedBy('bob')]).toStrictEqual([1, 0]);
    for (const end of ends) end();
    await network.settle();
    expect([await startedBy('ann'), await startedBy('bob')]).toStrictEqual([2, 2]);
  });

  it('does not treat its leaves as a cluster, and does not forward between them', async () => {
    const manager = await start({});
    network.leaf(host, { token: 'ann' });
    await network.settle();
    expect((await firstValueFrom(manager.cluster$)).hosts).toStrictEqual([]);
  });

  it('streams its cluster and its events to a leaf, also when a host fails', async () => {
    const other = 'http://other:9000';
    const cluster = duplex({ id: 8, name: 'cluster', output: type<ClusterState>() });
    const events = duplex({ id: 9, name: 'events', output: type<GridEvent>() });
    const manager = network.manager(host, [other], { leaves: { authenticate: (token) => token } });
    manager.handle(cluster, () => manager.cluster$);
    manager.handle(events, () => manager.events$);
    manager.handle(whoAmI, () => {
      throw new Error('bug');
    });
    await manager.start();
    const leaf = network.leaf(host);
    const seen: { readonly clusters: ClusterState[]; readonly events: GridEvent[] } = { clusters: [], events: [] };
    leaf.stream(cluster, undefined).subscribe({ next: (state) => seen.clusters.push(state), error: () => undefined });
    leaf.stream(events, undefined).subscribe({ next: (event) => seen.events.push(event), error: () => undefined });
    await network.pass(3_000);
    await ask(leaf).catch(() => undefined);
    await network.settle();
    expect(seen.clusters.at(-1)!.hosts).toMatchObject([
      { host: other, status: 'back-off', error: { name: 'Error', message: expect.any(String) } },
    ]);
    expect(seen.events).toMatchObject([{ type: 'handler-error', error: { name: 'Error', message: 'bug' } }]);
  });

  it('disconnects its leaves when it closes; they keep redialing', async () => {
    const manager = await start({});
    const leaf = network.leaf(host);
    expect(await ask(leaf)).toBe('user leaf');
    await manager.close();
    expect((await firstValueFrom(leaf.state$)).status).toBe('connecting');
    await start({});
    await network.pass(2_100);
    expect(await ask(leaf)).toBe('user leaf');
    expect((await firstValueFrom(leaf.state$)).connects).toBe(2);
  });
});

describe('an origin that browsers do not send', () => {
  it.each(['https://a.b/path', 'https://a.b/', 'https://A.b', 'a.b', 'https://a.b?x', 7])(
    'is refused: %p',
    (origin) => {
      const leaves = { authenticate: () => 'ann', origins: [origin] as string[] };
      expect(() => network.manager(host, [], { leaves })).toThrow(
        /origins must be a list of origins as browsers send them.*without a path/,
      );
    },
  );

  it.each(['https://a.b', 'http://localhost:5173', 'http://[::1]:80', 'null', 'moz-extension://0aF'])(
    'is accepted where browsers do send it: %p',
    (origin) => {
      const leaves = { authenticate: () => 'ann', origins: [origin] };
      expect(() => network.manager(host, [], { leaves })).not.toThrow();
    },
  );
});
