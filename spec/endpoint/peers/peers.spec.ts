import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BehaviorSubject, firstValueFrom, Subject, switchMap, type Observable } from 'rxjs';
import type { DisconnectedError } from '../../../lib/errors.js';
import type { HostState } from '../../../lib/endpoint/peers/cluster-state.js';
import type { Manager } from '../../../lib/endpoint/manager.js';
import { raw } from '../../../lib/codec/codec.js';
import { unary } from '../../../lib/contract/contract.js';
import type { CallOptions } from '../../../lib/contract/options.js';
import { createPeer, startLoopback } from '../../../lib/endpoint/peers/peers.js';
import { staticToken } from '../../../lib/endpoint/accept/auth.js';
import { Endpoint } from '../../../lib/endpoint/endpoint.js';
import { Registry } from '../../../lib/handlers/registry.js';
import { MemoryNetwork } from '../../support/memory-network.js';

const [a, b, c] = ['http://a:9000', 'http://b:9000', 'http://c:9000'] as const;
const echo = unary({ id: 1, name: 'echo', request: raw, response: raw });

let network: MemoryNetwork;
beforeEach(() => {
  network = new MemoryNetwork();
});
afterEach(async () => {
  expect(await network.close()).toBe(0);
});

async function hostsOf(manager: Manager): Promise<readonly HostState[]> {
  return (await firstValueFrom(manager.cluster$)).hosts;
}

async function names(manager: Manager): Promise<string[]> {
  return (await hostsOf(manager)).map(({ host, status }) => `${host} ${status}`);
}

/** How a call of `echo` ends: 'answered', or the code of its error. */
const notDialed = (local: string, remote: string): string =>
  `${remote} has not dialed for 2000 ms. The names of the two decide that it dials, not ${local}: check that it runs, that ${local} is among its hosts, that its first path is /minio/grid/v1, and that no other process calls itself ${local}.`;

function call(manager: Manager, to: string, options: CallOptions = {}): string[] {
  const received: string[] = [];
  manager
    .connection(to)
    .request(echo, new Uint8Array(), options)
    .subscribe({
      next: () => received.push('answered'),
      error: (error: unknown) => received.push((error as { code: string }).code),
    });
  return received;
}

describe('hosts as an Observable', () => {
  it('connects new hosts, closes removed ones, and leaves the others alone', async () => {
    await Promise.all([b, c].map((local) => network.manager(local, [a, b, c]).start()));
    const hosts = new BehaviorSubject<readonly string[]>([a, b]);
    const manager = network.manager(a, hosts);
    expect(await names(manager)).toStrictEqual([]);
    await manager.start();
    await network.pass(2_100);
    expect(await names(manager)).toStrictEqual([`${b} connected`]);
    const toB = manager.connection(b);
    hosts.next([a, c, b, a, c]);
    await network.pass(2_100);
    expect(await names(manager)).toStrictEqual([`${c} connected`, `${b} connected`]);
    expect((await hostsOf(manager)).map(({ connects }) => connects)).toStrictEqual([1, 1]);
    hosts.next([a, b, c]);
    await network.settle();
    expect(await names(manager)).toStrictEqual([`${b} connected`, `${c} connected`]);
    hosts.next([a, c]);
    await network.settle();
    expect(await names(manager)).toStrictEqual([`${c} connected`]);
    expect(network.between(a, b)).toStrictEqual([]);
    expect(() => manager.connection(b)).toThrow(`Known: ${c}`);
    expect((await firstValueFrom(toB.state$)).status).toBe('closed');
    await expect(toB.ready()).rejects.toMatchObject({ code: 'disconnected' });
    hosts.next([a, b, c]);
    await network.pass(3_000);
    expect(await names(manager)).toStrictEqual([`${b} connected`, `${c} connected`]);
  });

  it('stops dialing removed hosts', async () => {
    const hosts = new BehaviorSubject<readonly string[]>([a, b, c]);
    const manager = network.manager(a, hosts);
    await manager.start();
    await network.pass(3_000);
    hosts.next([a]);
    await network.settle();
    // The two links of the loopback ping each other, and one watch looks whether the machine has slept.
    expect(network.runtime.scheduled).toBe(3);
  });

  it('skips invalid names, and reports which', async () => {
    const hosts = new Subject<readonly string[]>();
    const manager = network.manager(a, hosts);
    await manager.start();
    hosts.next([a, `${b}/`, c]);
    await network.settle();
    expect((await hostsOf(manager)).map(({ host }) => host)).toStrictEqual([c]);
    expect(network.events(a)).toMatchObject([
      { type: 'rejected', host: `${b}/`, by: 'local', reason: expect.stringContaining(`write "${b}"`) },
    ]);
  });

  it('keeps the last list where it fails or completes', async () => {
    for (const end of ['error', 'complete'] as const) {
      const hosts = new Subject<readonly string[]>();
      const manager = network.manager(a, hosts);
      await manager.start();
      hosts.next([a, b]);
      if (end === 'error') hosts.error(new Error('etcd is gone'));
      else hosts.complete();
      expect((await hostsOf(manager)).map(({ host }) => host)).toStrictEqual([b]);
      const reason = 'The Observable of the hosts failed, and its last list stays: etcd is gone';
      expect(network.events(a)).toStrictEqual(
        end === 'error' ? [{ type: 'rejected', host: a, by: 'local', reason }] : [],
      );
      await manager.close();
    }
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'emitted null; it must emit arrays'],
    ['a text', b, 'emitted a value of type string; it must emit arrays'],
    ['a list with something else in it', [a, c, 5], 'A host name must be a text, such as "http://10.0.0.1:9000"'],
    ['a list with null in it', [a, c, null], 'it is null'],
  ])('may emit %s: that is reported, and has no other effect', async (_, garbage, reason) => {
    const hosts = new Subject<readonly string[]>();
    const manager = network.manager(a, hosts);
    await manager.start();
    hosts.next([a, c]);
    hosts.next(garbage as readonly string[]);
    expect((await hostsOf(manager)).map(({ host }) => host)).toStrictEqual([c]);
    expect(network.events(a)).toMatchObject([
      { type: 'rejected', by: 'local', reason: expect.stringContaining(reason) },
    ]);
    hosts.next([a, b, c]);
    expect((await hostsOf(manager)).map(({ host }) => host)).toStrictEqual([b, c]);
    await manager.close();
  });

  it('may not emit an empty list: that is reported, and the last list remains', async () => {
    const hosts = new BehaviorSubject<readonly string[]>([a, b]);
    const manager = network.manager(a, hosts);
    await manager.start();
    hosts.next([]);
    expect((await hostsOf(manager)).map(({ host }) => host)).toStrictEqual([b]);
    const remedy = 'The list of hosts is empty; the previous list stays. Emit at least this host.';
    expect(network.events(a)).toStrictEqual([{ type: 'host-list', host: a, problem: 'empty', remedy }]);
  });

  it('may emit a list without this host, which is applied, and reported until the host is listed', async () => {
    const hosts = new BehaviorSubject<readonly string[]>([b]);
    const manager = network.manager(a, hosts);
    await manager.start();
    hosts.next([b, c]);
    expect((await hostsOf(manager)).map(({ host }) => host)).toStrictEqual([b, c]);
    const event = {
      type: 'host-list',
      host: a,
      problem: 'local-missing',
      remedy: `The list of hosts does not contain ${a}, the local name, so the other hosts will probably reject this one. Add it, or correct local; names are compared byte for byte.`,
    };
    expect(network.events(a)).toStrictEqual([event]);
    hosts.next([a, b]);
    expect(network.events(a)).toStrictEqual([event]);
    hosts.next([b]);
    expect(network.events(a)).toStrictEqual([event, event]);
  });

  it('may emit duplicates, which count once and are reported', async () => {
    const hosts = new BehaviorSubject<readonly string[]>([a, b, c, b, a]);
    const manager = network.manager(a, hosts);
    await manager.start();
    expect((await hostsOf(manager)).map(({ host }) => host)).toStrictEqual([b, c]);
    const remedy = `The list of hosts has ${b}, ${a} more than once. List each host once.`;
    expect(network.events(a)).toStrictEqual([{ type: 'host-list', host: a, problem: 'duplicate', remedy }]);
  });

  it('is unsubscribed at the close', async () => {
    const hosts = new BehaviorSubject<readonly string[]>([]);
    const manager = network.manager(a, hosts);
    await manager.start();
    expect(hosts.observed).toBe(true);
    await manager.close();
    expect(hosts.observed).toBe(false);
  });
});

describe('the side that is dialed', () => {
  /** A manager that waits for the other one, which is not there. */
  async function waiting(): Promise<{ manager: Manager; remote: string }> {
    for (const [local, remote] of [
      [a, b],
      [b, a],
    ] as const) {
      const manager = network.manager(local, [remote], { limits: { dialedGrace: 2_000 } });
      await manager.start();
      await network.settle();
      const [peer] = await hostsOf(manager);
      if (peer!.dials === 'remote') return { manager, remote };
      await manager.close();
    }
    throw new Error('One of two hosts waits.');
  }

  it('lets calls wait for the grace period after the start, then fails them at once', async () => {
    const { manager, remote } = await waiting();
    await network.settle();
    const early = call(manager, remote);
    await network.pass(1_900, 1);
    expect(early).toStrictEqual([]);
    await network.pass(200, 1);
    expect(early).toStrictEqual(['disconnected']);
    const [peer] = await hostsOf(manager);
    expect(peer).toMatchObject({ status: 'back-off', error: { message: notDialed(manager.local, remote) } });
    const late = call(manager, remote);
    network.runtime.advance(0);
    expect(late).toStrictEqual(['disconnected']);
  });

  it('reports why it rejected the host, after the grace period', async () => {
    const { manager, remote } = await waiting();
    const other = network.manager(remote, [manager.local], { auth: staticToken('another') });
    await other.start();
    await network.pass(2_100, 50);
    const [peer] = await hostsOf(manager);
    const reason = network.events(manager.local).find(({ type }) => type === 'rejected');
    expect(peer).toMatchObject({
      status: 'back-off',
      error: {
        code: 'rejected',
        message: `${manager.local} rejected a connection from ${remote}: ${(reason as { reason: string }).reason}`,
      },
    });
  });

  it('reports why it rejected the host where it did so later, and lets calls wait until then', async () => {
    const { manager, remote } = await waiting();
    await network.pass(2_100, 50);
    expect((await hostsOf(manager))[0]).toMatchObject({ error: { message: notDialed(manager.local, remote) } });
    await network.manager(remote, [manager.local], { auth: staticToken('another') }).start();
    await network.settle();
    expect((await hostsOf(manager))[0]).toMatchObject({ status: 'back-off', error: { code: 'rejected' } });
  });

  it('connects after the grace period too, and has it again after each loss', async () => {
    const { manager, remote } = await waiting();
    await network.pass(5_000);
    const other = network.manager(remote, [manager.local]);
    other.handle(echo, (payload) => payload);
    await other.start();
    await network.settle();
    expect((await hostsOf(manager))[0]!.status).toBe('connected');
    await network.pass(30_000);
    expect((await hostsOf(manager))[0]).toMatchObject({ status: 'connected', connects: 1 });
    network.down.add(manager.local);
    network.cut(remote);
    const inGrace = call(manager, remote);
    await network.pass(1_900, 1);
    expect(inGrace).toStrictEqual([]);
    await network.pass(200, 1);
    expect(inGrace).toStrictEqual(['disconnected']);
    network.down.clear();
    await network.pass(2_100);
    expect((await hostsOf(manager))[0]).toMatchObject({ status: 'connected', connects: 2 });
  });
});

describe('the side that dials', () => {
  it('fails calls in back-off, and reports when a retry makes sense', async () => {
    const managers = [network.manager(a, [b]), network.manager(b, [a])];
    managers.forEach((manager) => {
      manager.handle(echo, (payload) => payload);
    });
    network.down.add(a).add(b);
    await Promise.all(managers.map((manager) => manager.start()));
    await network.settle();
    const dialer = (await hostsOf(managers[0]!))[0]!.dials === 'local' ? managers[0]! : managers[1]!;
    const remote = dialer.local === a ? b : a;
    const request = dialer.connection(remote).request(echo, new Uint8Array());
    const failed = firstValueFrom(request).catch((error: unknown) => error as DisconnectedError<Observable<void>>);
    // The quick attempts, each with its jitter.
    await network.pass(3_200, 50);
    const error = (await failed) as DisconnectedError<Observable<void>>;
    expect(error).toMatchObject({ code: 'disconnected', sent: false });
    let answered = 0;
    error.reconnected.pipe(switchMap(() => request)).subscribe(() => answered++);
    await network.pass(5_000);
    expect(answered).toBe(0);
    network.down.clear();
    await network.pass(2_100);
    expect(answered).toBe(1);
  });

  it('lets calls wait while the first quick dials of a starting host are refused', async () => {
    const managers = [network.manager(a, [b]), network.manager(b, [a])];
    managers.forEach((manager) => {
      manager.handle(echo, (payload) => payload);
    });
    network.down.add(a).add(b);
    await Promise.all(managers.map((manager) => manager.start()));
    await network.settle();
    const dialer = (await hostsOf(managers[0]!))[0]!.dials === 'local' ? managers[0]! : managers[1]!;
    const remote = dialer.local === a ? b : a;
    const early = call(dialer, remote);
    const late = call(dialer, remote, { timeout: 10 });
    await network.pass(300, 10);
    expect([early, late]).toStrictEqual([[], ['deadline-exceeded']]);
    expect((await hostsOf(dialer))[0]).toMatchObject({ status: 'connecting', error: { message: expect.any(String) } });
    network.down.clear();
    await network.pass(1_000, 10);
    expect(early).toStrictEqual(['answered']);
  });

  it('answers calls that waited for the first connection, once each', async () => {
    const managers = [network.manager(a, [b]), network.manager(b, [a])];
    let served = 0;
    managers.forEach((manager) => {
      manager.handle(echo, (payload) => {
        served++;
        return payload;
      });
    });
    const started = managers.map((manager) => manager.start());
    const received = [call(managers[0]!, b), call(managers[1]!, a)];
    await Promise.all(started);
    await network.settle();
    expect(received).toStrictEqual([['answered'], ['answered']]);
    expect(served).toBe(2);
  });

  it('opens no second connection while one is open, over hours', async () => {
    await network.mesh([a, b, c]);
    await network.pass(3_600_000, 10_000);
    expect(network.cables.length).toBe(3);
    expect(network.cables.every(({ open }) => open)).toBe(true);
  });
});

describe('the loopback', () => {
  it('is restored when its link is lost, until it is stopped', async () => {
    const { runtime } = network;
    const side = new Endpoint({ runtime }, () => {
      throw new Error('No handler calls.');
    });
    await side.prepare();
    new Registry(side.serving).add({ route: echo, handler: (payload: Uint8Array) => payload });
    const peer = createPeer(side, a);
    startLoopback(side, peer);
    const ask = (): number => {
      let answers = 0;
      peer.routes.request(echo, new Uint8Array()).subscribe(() => answers++);
      runtime.turn();
      return answers;
    };
    expect(ask()).toBe(1);
    for (const connects of [2, 3]) {
      peer.connection.link!.close();
      expect(peer.connection.state).toMatchObject({ status: 'connected', connects });
      expect(ask()).toBe(1);
    }
    // The two links of one loopback ping each other, and one watch looks whether the machine has slept.
    expect(runtime.scheduled).toBe(3);
    peer.stop();
    peer.connection.close();
    expect(runtime.scheduled).toBe(0);
  });
});
