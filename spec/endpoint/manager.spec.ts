import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { errorInfo } from '../../lib/error-info.js';
import { BehaviorSubject, EMPTY, firstValueFrom, NEVER, type Observable } from 'rxjs';
import { staticToken } from '../../lib/endpoint/accept/auth.js';
import type { ClusterState } from '../../lib/endpoint/peers/cluster-state.js';
import { Manager } from '../../lib/endpoint/manager.js';
import type { ManagerOptions } from '../../lib/endpoint/manager-options.js';
import { ConfigurationError } from '../../lib/errors.js';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { MemoryNetwork } from '../support/memory-network.js';

const [a, b, c] = ['http://a:9000', 'http://b:9000', 'http://c:9000'] as const;
const whoAmI = unary({ id: 1, name: 'whoAmI', request: raw, response: type<string>() });
const countTo = duplex({ id: 2, name: 'countTo', request: type<number>(), output: type<number>() });
const relay = unary({ id: 3, name: 'relay', request: type<string>(), response: type<string>() });

let network: MemoryNetwork;
beforeEach(() => {
  network = new MemoryNetwork();
});
afterEach(async () => {
  expect(await network.close()).toBe(0);
});

function serve(manager: Manager): void {
  manager.handle(whoAmI, (_, call) => `${call.caller} to ${manager.local}`);
  manager.handle(countTo, function* (to) {
    for (let count = 1; count <= to; count++) yield count;
  } as (to: number) => Iterable<number>);
  manager.handle(relay, (host, call) => call.connection(host).request(whoAmI, new Uint8Array()));
}

async function ask(from: Manager, to: string): Promise<string> {
  const answer = firstValueFrom(from.connection(to).request(whoAmI, new Uint8Array()));
  // Observed now: it may fail while the time passes.
  answer.catch(() => undefined);
  await network.settle();
  return answer;
}

describe('three managers', () => {
  it('link each pair once, dialed by the side that the names decide, and call each other and themselves', async () => {
    const managers = await network.mesh([a, b, c]);
    managers.forEach(serve);
    for (const from of managers) {
      for (const to of [a, b, c]) expect(await ask(from, to)).toBe(`${from.local} to ${to}`);
    }
    for (const [one, other] of [
      [a, b],
      [b, c],
      [a, c],
    ] as const) {
      expect(network.between(one, other).length).toBe(1);
      const { from } = network.between(one, other)[0]!;
      const dialer = managers.find(({ local }) => local === from)!;
      const { hosts } = await firstValueFrom(dialer.cluster$);
      const peer = from === one ? other : one;
      expect(hosts.find(({ host }) => host === peer)).toMatchObject({
        dials: 'local',
        status: 'connected',
        connects: 1,
      });
    }
    expect(network.cables.length).toBe(3);
  });

  it('relay calls for each other', async () => {
    const managers = await network.mesh([a, b, c]);
    managers.forEach(serve);
    const answer = firstValueFrom(managers[0]!.connection(b).request(relay, c));
    await network.settle();
    expect(await answer).toBe(`${b} to ${c}`);
  });

  it('reconnect when one was killed, and all calls in flight fail', async () => {
    const [first, second] = await network.mesh([a, b, c]);
    second!.handle(whoAmI, () => new Promise(() => undefined));
    const answer = expect(ask(first!, b)).rejects.toMatchObject({ code: 'disconnected', sent: true, host: b });
    await network.settle();
    network.cut(b);
    await answer;
    await network.pass(2_100);
    expect(
      (await firstValueFrom(first!.cluster$)).hosts.map(({ status, connects }) => [status, connects]),
    ).toStrictEqual([
      ['connected', 2],
      ['connected', 1],
    ]);
    expect(network.between(a, b).length).toBe(1);
  });
});

it('counts handlers that the host left running when it reconnects', async () => {
  const [first, second] = await network.mesh([a, b], { limits: { maxOpenMuxes: 2 } });
  const ends: (() => void)[] = [];
  second!.handle(whoAmI, () => new Promise((resolve) => ends.push(() => resolve('ended'))));
  const started: number[] = [];
  for (let link = 0; link < 3; link++) {
    for (let call = 0; call < 2; call++) ask(first!, b).catch(() => undefined);
    await network.settle();
    started.push(ends.length);
    network.cut(b);
    await network.pass(2_100);
    if (link === 1) ends[0]!();
    await network.settle();
  }
  expect(started).toStrictEqual([2, 2, 3]);
});

describe('the loopback', () => {
  it('is a connection like any other, also of a manager that is alone', async () => {
    const manager = network.manager(a, [a]);
    serve(manager);
    expect(await firstValueFrom(manager.cluster$)).toStrictEqual({ local: a, hosts: [] });
    const started = manager.start();
    const early = ask(manager, a);
    await started;
    await network.settle();
    expect(await early).toBe(`${a} to ${a}`);
    const items: number[] = [];
    manager
      .connection(a)
      .stream(countTo, 40)
      .subscribe((item) => items.push(item));
    await network.settle();
    expect(items.length).toBe(40);
    expect(network.cables).toStrictEqual([]);
  });
});

describe('a manager', () => {
  const auth = staticToken('secret');

  it.each<[string, Partial<ManagerOptions>, RegExp]>([
    ['a local name with a slash', { local: 'http://a:9000/' }, /write "http:\/\/a:9000"/],
    ['a host with a path', { hosts: ['http://b:9000/minio/grid/v1'] }, /write "http:\/\/b:9000"/],
    ['a host that is a WebSocket URL', { hosts: ['wss://b'] }, /write "https:\/\/b"/],
    ['a host without a scheme', { hosts: ['b:9000'] }, /write "http:\/\/b:9000"/],
    ['a path with a query', { path: '/x?y' }, /The path "\/x\?y" must start with "\/" and have no query/],
    ['no path', { path: [] }, /needs a path/],
    ['a host twice', { hosts: [a, b, b] }, /hosts lists http:\/\/b:9000 more than once/],
    ['its own name twice', { hosts: [a, b, a] }, /hosts lists http:\/\/a:9000 more than once/],
    ['hosts without the local one', { hosts: [b, c] }, /hosts does not contain http:\/\/a:9000, the local name/],
  ])('refuses %s', (_, options, text) => {
    const make = (): Manager => new Manager({ local: a, hosts: [], auth, ...options });
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(text);
  });

  it('lists the other hosts in the given order', async () => {
    const manager = network.manager(a, [c, a, b]);
    const { hosts } = await firstValueFrom(manager.cluster$);
    expect(hosts.map(({ host, dials, status }) => [host, dials, status])).toStrictEqual([
      [c, undefined, 'connecting'],
      [b, undefined, 'connecting'],
    ]);
  });

  it('names the known hosts where one is unknown', () => {
    const manager = network.manager(a, [b, c]);
    expect(() => manager.connection('http://b:9000/')).toThrow(ConfigurationError);
    expect(() => manager.connection('http://d')).toThrow(
      `http://d is no host of this cluster. Known: ${b}, ${c}. Names are compared byte for byte.`,
    );
    expect(() => network.manager(a, []).connection('')).toThrow('Known: none');
  });

  it('refuses a second handler, and calls without a handler', async () => {
    const [first] = await network.mesh([a, b]);
    serve(first!);
    expect(() => {
      serve(first!);
    }).toThrow(ConfigurationError);
    await expect(ask(first!, b)).rejects.toMatchObject({ code: 'unimplemented', sent: false });
  });

  it('treats calls and refusals before the start as connections do', async () => {
    const manager = network.manager(a, [b]);
    const answer = ask(manager, b);
    answer.catch(() => undefined);
    await manager.close();
    await network.pass(10);
    await expect(answer).rejects.toMatchObject({ code: 'disconnected', sent: false });
  });

  it('fails calls at once before the start, and says what to do', async () => {
    const manager = network.manager(a, [a, b]);
    serve(manager);
    const text = `the manager of ${a} is not started: call listen() or attach() first, or start() where there is no server`;
    for (const host of [a, b]) {
      const connection = manager.connection(host);
      const failure = {
        code: 'disconnected',
        sent: false,
        message: `There is no connection to ${host}: ${text}. Nothing of the call was sent.`,
      };
      await expect(connection.ready()).rejects.toMatchObject(failure);
      const failures = [connection.stream(countTo, 3), connection.request(whoAmI, new Uint8Array())].map(
        async (call: Observable<unknown>) => expect(firstValueFrom(call)).rejects.toMatchObject(failure),
      );
      await network.pass(1);
      await Promise.all(failures);
    }
    await manager.start();
    await network.settle();
    await expect(ask(manager, a)).resolves.toBe(`${a} to ${a}`);
  });

  it('lets a call wait for its start on request; the deadline error says so', async () => {
    const manager = network.manager(a, [b]);
    serve(manager);
    const request = (timeout: number): Observable<string> =>
      manager.connection(a).request(whoAmI, new Uint8Array(), { waitForConnect: true, timeout });
    const late = expect(firstValueFrom(request(100))).rejects.toMatchObject({
      code: 'deadline-exceeded',
      message: expect.stringContaining(`the manager of ${a} is not started: call listen()`),
    });
    const patient = firstValueFrom(request(10_000));
    await network.pass(200);
    await late;
    await manager.start();
    await network.settle();
    expect(await patient).toBe(`${a} to ${a}`);
  });

  it('names no hosts before the start where they come from an Observable, and says why', () => {
    const manager = network.manager(a, new BehaviorSubject<readonly string[]>([b]));
    expect(() => manager.connection(b)).toThrow(`the manager of ${a} is not started`);
  });

  it('says how to wait for a list that has not arrived when the manager has started', async () => {
    const manager = network.manager(a, NEVER);
    await manager.start();
    expect(() => manager.connection(b)).toThrow(
      'Known: none. Names are compared byte for byte. The list may come later',
    );
    await manager.close();
    expect(() => manager.connection(b)).toThrow(/byte for byte\.$/);
  });

  it('starts once, and can be closed twice', async () => {
    const manager = network.manager(a, [a, b]);
    expect(manager.start()).toBe(manager.start());
    await manager.start();
    await manager.close();
    await manager.close();
    await manager.start();
    expect(network.runtime.scheduled).toBe(0);
    // Who asks after the close still learns how it is.
    expect(await firstValueFrom(manager.cluster$)).toMatchObject({ local: a, hosts: [{ host: b, status: 'closed' }] });
  });

  it('closes once, with one Promise, where a subscriber calls close() during the close', async () => {
    const [manager] = await network.mesh([a]);
    const promises: Promise<void>[] = [];
    const statuses: string[] = [];
    manager!.health$.subscribe(({ status }) => {
      statuses.push(status);
      if (status === 'closed') promises.push(manager!.close());
    });
    promises.push(manager!.close());
    expect(promises.length).toBe(2);
    expect(promises[0]).toBe(promises[1]);
    await promises[0];
    expect(statuses).toStrictEqual(['ready', 'closed']);
  });

  it('unsubscribes from its list of hosts where the first list causes the close', async () => {
    const lists = new BehaviorSubject([a, b]);
    const manager = network.manager(a, lists);
    manager.cluster$.subscribe(({ hosts }) => {
      if (hosts.length > 0) void manager.close();
    });
    await manager.start();
    await network.settle();
    expect(lists.observed).toBe(false);
  });

  it('may be closed while it starts', async () => {
    const manager = network.manager(a, [b]);
    const started = manager.start();
    await manager.close();
    await started;
    await network.settle();
    expect(network.cables).toStrictEqual([]);
  });

  it('reports the state of the cluster, from the start to the close', async () => {
    const manager = network.manager(a, [b, c]);
    network.manager(b, [a]);
    const seen: ClusterState[] = [];
    let completed = false;
    manager.cluster$.subscribe({ next: (state) => seen.push(state), complete: () => (completed = true) });
    expect(seen.map(({ hosts }) => hosts.map(({ dials }) => dials))).toStrictEqual([[undefined, undefined]]);
    await manager.start();
    for (const { dials } of seen.at(-1)!.hosts) expect(['local', 'remote']).toContain(dials);
    await network.pass(2_000);
    expect(seen.at(-1)!.hosts.map(({ status }) => status)).toStrictEqual(['back-off', 'back-off']);
    await manager.close();
    expect(completed).toBe(true);
  });

  it('reports a fault of the other side', async () => {
    await network.mesh([a, b]);
    const [cable] = network.between(a, b);
    cable!.near.outbound.next(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(network.events(cable!.to)).toStrictEqual([
      { type: 'protocol-fault', host: cable!.from, message: 'A frame must begin with a MessagePack array of 7.' },
    ]);
  });

  it('reports errors thrown by a handler', async () => {
    const [first, second] = await network.mesh([a, b]);
    const error = new Error('no disk');
    second!.handle(whoAmI, () => {
      throw error;
    });
    await expect(ask(first!, b)).rejects.toMatchObject({ code: 'internal', message: 'no disk' });
    expect(network.events(b)).toStrictEqual([
      { type: 'handler-error', route: 'whoAmI', caller: a, error: errorInfo(error) },
    ]);
  });

  it('serves raw handlers', async () => {
    const [first, second] = await network.mesh([a, b]);
    second!.handleRaw({ id: 77, subroute: 'disk1', kind: 'unary', handle: (payload) => payload.slice().reverse() });
    const route = unary({ id: 77, subroute: 'disk1', name: 'raw', request: raw, response: raw });
    const answer = firstValueFrom(first!.connection(b).request(route, Uint8Array.of(1, 2)));
    await network.settle();
    expect(await answer).toStrictEqual(Uint8Array.of(2, 1));
  });

  it('serves several paths, and dials the first', async () => {
    const dials: string[] = [];
    const dial = (url: string): Observable<never> => {
      dials.push(new URL(url).pathname);
      return EMPTY;
    };
    const manager = network.manager(a, [b, c], { path: ['/v2', '/v1'], dial });
    const other = network.manager(b, [a, c], { path: '/v3', dial });
    await Promise.all([manager.start(), other.start()]);
    await network.settle();
    expect(manager.paths).toStrictEqual(['/v2', '/v1']);
    expect(other.paths).toStrictEqual(['/v3']);
    expect(dials.length).toBeGreaterThan(0);
    expect(dials).not.toContain('/v1');
  });
});

describe('close()', () => {
  it('fails calls in flight on both sides, stops their handlers and says goodbye', async () => {
    const [first, second] = await network.mesh([a, b]);
    let aborted: unknown;
    second!.handle(whoAmI, (_, call) => {
      call.signal.addEventListener('abort', () => (aborted = call.signal.reason as unknown));
      return new Promise(() => undefined);
    });
    const answer = expect(ask(first!, b)).rejects.toMatchObject({ code: 'disconnected', sent: true });
    await network.settle();
    await first!.close();
    await answer;
    expect(aborted).toMatchObject({ code: 'disconnected', host: a });
    expect(network.between(a, b)).toStrictEqual([]);
    expect((await firstValueFrom(second!.connection(a).state$)).status).toBe('connecting');
  });

  it('abandons a handshake in progress: no link, no timer', async () => {
    let verified: (() => void) | undefined;
    const auth = {
      ...staticToken('secret'),
      verify: () =>
        new Promise<void>((resolve) => {
          verified = resolve;
        }),
    };
    const managers = [network.manager(a, [b], { auth }), network.manager(b, [a], { auth })];
    await Promise.all(managers.map((manager) => manager.start()));
    await network.settle();
    const { to } = network.cables[0]!;
    await managers.find(({ local }) => local === to)!.close();
    expect(network.between(a, b)).toStrictEqual([]);
    verified!();
    await network.settle();
    expect(network.between(a, b)).toStrictEqual([]);
  });
});
