import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, of, take, timer, toArray, type Observable } from 'rxjs';
import { raw } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { RefusedError } from '../../lib/errors.js';
import {
  monitor,
  monitorRoutes,
  serveMonitor,
  type MonitorEvents,
  type MonitorRequest,
} from '../../lib/monitor/index.js';
import { msgpack } from '../../lib/codec/msgpack-codec.js';
import { consume } from '../../lib/operators/consume.js';
import { gridTest } from '../../lib/testing/index.js';
import { version } from '../../lib/version.js';

const get = unary({ id: 9, name: 'get', request: raw, response: raw });
const fail = unary({ id: 10, name: 'fail', response: raw });
const garbage = Uint8Array.of(0xc1, 0xff, 0x93);

/** What an Observable emits, in order, and its end. */
function seen<T>(source: Observable<T>): { readonly items: T[]; error: unknown; stop(): void } {
  const items: T[] = [];
  const found = { items, error: undefined as unknown, stop: () => subscription.unsubscribe() };
  const subscription = source.subscribe({
    next: (item) => items.push(item),
    error: (error: unknown) => (found.error = error),
  });
  return found;
}

it('the version announced to other hosts is that of the package', () => {
  const manifest = readFileSync(`${__dirname}/../../package.json`, 'utf8');
  expect(version).toBe((JSON.parse(manifest) as { version: string }).version);
});

describe('monitor()', () => {
  it('describes a host and its statistics', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: 3, latency: 1, setup: (manager) => serveMonitor(manager) });
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(get, (bytes) => bytes);
      await grid.connected();
      await advance(5_000);
      const remote = monitor(a.connection(b));
      await lastValueFrom(a.connection(b).request(get, new Uint8Array(5)));

      expect(await firstValueFrom(remote.info$)).toMatchObject({
        host: 'http://b',
        version,
        uptime: expect.any(Number),
      });
      const clusterState = await firstValueFrom(remote.cluster$);
      expect(clusterState).toMatchObject({
        local: 'http://b',
        hosts: [
          { host: 'http://a', status: 'connected', stats: { host: 'http://a', rtt: 2 } },
          { host: 'http://c', status: 'connected' },
        ],
      });
      const routes = await firstValueFrom(remote.routes$);
      expect(routes.find(({ route, side }) => route === 'get' && side === 'handler')).toMatchObject({
        ...{ kind: 'unary', calls: 1, inFlight: 0, bytesIn: 5, bytesOut: 5, durations: { count: 1 } },
      });
      expect(await firstValueFrom(remote.health$)).toStrictEqual({
        status: 'ready',
        hosts: 2,
        connected: 2,
        needed: 0,
      });
      expect(await firstValueFrom(remote.leaves$)).toStrictEqual({ connected: 0, leaves: [], arrived: [], left: [] });
      expect(await firstValueFrom(remote.transfers$)).toStrictEqual({ open: 0, transfers: [] });
      // The call that asks is a stream too.
      expect(await firstValueFrom(remote.streams$)).toMatchObject({
        ...{ open: 1, stalled: 0 },
        streams: [{ route: 'monitor/streams', internal: true, peer: 'http://a', side: 'handler' }],
      });
      expect((await firstValueFrom(remote.description$)).routes.map(({ name }) => name)).toStrictEqual(['get']);
    }));

  it('emits every second, and stops at the host with the last subscriber', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ setup: (manager) => serveMonitor(manager) });
      const [a, b] = [grid.host('a'), grid.host('b')];
      await grid.connected();
      const remote = monitor(a.connection(b));
      const routes = seen(remote.routes$);
      const clusters = seen(remote.cluster$);
      await advance(4_500);
      expect(routes.items).toHaveLength(5);
      expect(clusters.items).toHaveLength(5);
      routes.stop();
      clusters.stop();
      await advance(10);
      expect(await firstValueFrom(b.manager.streams$)).toMatchObject({ open: 0 });
    }));

  it('sends the figures of a second in one message, whenever a reader has subscribed to each', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ setup: (manager) => serveMonitor(manager) });
      const [a, b] = [grid.host('a'), grid.host('b')];
      await grid.connected();
      const sent = async (): Promise<number> => (await firstValueFrom(b.connection(a).stats$)).messagesOut;
      const remote = monitor(a.connection(b));
      const readers = [remote.cluster$, remote.routes$, remote.streams$, remote.transfers$].map((each) =>
        seen<unknown>(each),
      );
      await advance(250);
      readers.push(seen(remote.routes$));
      await advance(250);
      const before = await sent();
      const items = readers.map((reader) => reader.items.length);
      await advance(5_000);
      expect((await sent()) - before).toBe(5);
      expect(readers.map((reader, index) => reader.items.length - items[index]!)).toStrictEqual([5, 5, 5, 5, 5]);
      for (const reader of readers) reader.stop();
    }));

  it('emits earlier events, then new ones in batches', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ setup: (manager) => serveMonitor(manager) });
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(fail, () => {
        throw new Error(`\u001b[2J<b>${'x'.repeat(100_000)}`);
      });
      await grid.connected();
      const call = () => lastValueFrom(a.connection(b).request(fail)).catch(() => undefined);
      await call();
      const events = seen(monitor(a.connection(b)).events$);
      await advance(20);
      expect(events.items).toMatchObject([
        { missed: 0, events: [{ event: { type: 'handler-error', route: 'fail' } }] },
      ]);
      const { event, at } = events.items[0]!.events[0]!;
      expect(at).toBeGreaterThan(0);
      const { message } = (event as unknown as { error: { message: string } }).error;
      // Printable, and not long; what it is in HTML is the page's concern.
      expect(message).toMatch(/^\\u001b\[2J<b>x+…$/);
      expect(message.length).toBeLessThan(600);
      await Promise.all([call(), call(), call()]);
      await advance(200);
      expect(events.items.slice(1).map((batch) => batch.events.length)).toStrictEqual([3]);
      events.stop();
    }));

  it('sends a reader the newest of a flood of events, and the number of missed ones', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ setup: (manager) => serveMonitor(manager) });
      const [a, b] = [grid.host('a'), grid.host('b')];
      await grid.connected();
      const batches: MonitorEvents[] = [];
      const reader = monitor(a.connection(b))
        .events$.pipe(
          consume((batch) => {
            batches.push(batch);
            return timer(3_000);
          }),
        )
        .subscribe();
      // 10 000 events within a second.
      b.handle(fail, () => {
        throw new Error('no');
      });
      const host = a.connection(b);
      for (let round = 0; round < 100; round++) {
        for (let call = 0; call < 100; call++) host.request(fail).subscribe({ error: () => undefined });
        await advance(10);
      }
      await advance(10_000);
      const total = batches.reduce((sum, { events, missed }) => sum + events.length + missed, 0);
      expect(total).toBe(10_000);
      // One item on its way, one pending update: the rest was conflated.
      expect(batches.length).toBeLessThan(6);
      for (const { events } of batches) expect(events.length).toBeLessThanOrEqual(256);
      reader.unsubscribe();
    }));

  it('buffers one update for a slow reader', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ setup: (manager) => serveMonitor(manager) });
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(get, (bytes) => bytes);
      await grid.connected();
      const calls: (number | undefined)[] = [];
      const reader = monitor(a.connection(b))
        .routes$.pipe(
          consume((routes) => {
            calls.push(routes.find(({ route }) => route === 'get')?.calls);
            return timer(20_000);
          }),
        )
        .subscribe();
      for (let second = 0; second < 45; second++) {
        await lastValueFrom(a.connection(b).request(get, new Uint8Array(1)));
        await advance(1_000);
      }
      // Each time it gets one that was on its way, and then the newest.
      expect(calls).toHaveLength(3);
      expect((await firstValueFrom(b.manager.streams$)).streams[0]).toMatchObject({ sending: { granted: 1, used: 1 } });
      reader.unsubscribe();
    }));

  it('names the remedy where a host serves no monitor, and serves only hosts by default', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: 2, leaves: { authenticate: (token) => token } });
      const [a, b] = [grid.host('a'), grid.host('b')];
      await grid.connected();
      const none = await lastValueFrom(monitor(a.connection(b)).routes$).catch((error: unknown) => error);
      expect(none).toBeInstanceOf(RefusedError);
      expect((none as Error).message).toMatch(/^http:\/\/b serves no monitor .* call serveMonitor\(manager, …\) there/);
      serveMonitor(b.manager);
      const leaf = grid.leaf('visitor', 'b');
      await advance(100);
      await expect(lastValueFrom(monitor(leaf).info$)).rejects.toThrow(/visitor may not monitor this host/);
      await expect(lastValueFrom(monitor(a.connection(b)).info$)).resolves.toMatchObject({ host: 'http://b' });
    }));

  it('asks authorize who may see what; anything but true refuses, and so does an error', () =>
    gridTest(async ({ cluster, advance }) => {
      const asked: MonitorRequest[] = [];
      const answers: unknown[] = [true, Promise.resolve(true), false, 'yes', undefined];
      const grid = cluster({
        hosts: 1,
        leaves: { authenticate: (token) => token },
        setup: (manager) =>
          serveMonitor(manager, {
            authorize: (request) => {
              asked.push(request);
              if (answers.length === 0) throw new Error('The directory is down, and its password is 1234.');
              return answers.shift() as boolean;
            },
          }),
      });
      await grid.connected();
      const leaf = grid.leaf('admin', 'a');
      await advance(100);
      const results: string[] = [];
      for (let call = 0; call < 6; call++) {
        await lastValueFrom(monitor(leaf).info$).then(
          () => results.push('ok'),
          () => results.push('refused'),
        );
      }
      expect(results).toStrictEqual(['ok', 'ok', 'refused', 'refused', 'refused', 'refused']);
      expect(asked[0]).toStrictEqual({ caller: 'admin', callerKind: 'leaf', what: 'info' });
    }));

  it('a snapshot has all figures, for those who may see each of them', () =>
    gridTest(async ({ cluster }) => {
      const refused = new Set<string>();
      const grid = cluster({
        setup: (manager) => serveMonitor(manager, { authorize: ({ what }) => !refused.has(what) }),
      });
      await grid.connected();
      const [a, b] = [grid.host('a'), grid.host('b')];
      const remote = monitor(a.connection(b));
      expect(await firstValueFrom(remote.snapshot$)).toMatchObject({
        info: { host: 'http://b', version },
        cluster: { local: 'http://b', hosts: [{ host: 'http://a', status: 'connected', stats: { host: 'http://a' } }] },
        routes: expect.arrayContaining([expect.objectContaining({ route: 'monitor/snapshot', inFlight: 1 })]),
        streams: { open: 0, streams: [] },
        transfers: { open: 0, transfers: [] },
      });
      for (const what of ['info', 'cluster', 'routes', 'streams', 'transfers']) {
        refused.add(what);
        await expect(firstValueFrom(remote.snapshot$)).rejects.toMatchObject({ code: 'permission-denied' });
        refused.clear();
      }
    }));

  it('is served once per manager, and refuses invalid options', () =>
    gridTest(({ cluster }) => {
      const { manager } = cluster(1).host('a');
      expect(() => serveMonitor(manager, { authorize: true as never })).toThrow('authorize must be a function');
      serveMonitor(manager);
      expect(() => serveMonitor(manager)).toThrow('already has a handler');
    }));

  it('is readable from a manager with another codec: it always speaks MessagePack', () =>
    gridTest(async ({ cluster }) => {
      const json = {
        codec: 'json',
        encode: (value: unknown) => new TextEncoder().encode(JSON.stringify(value)),
        decode: (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes)),
      };
      const grid = cluster({ hosts: 2, codec: json, setup: (manager) => serveMonitor(manager) });
      await grid.connected();
      expect(await firstValueFrom(monitor(grid.host('a').connection('b')).info$)).toMatchObject({ host: 'http://b' });
    }));
});

describe('a hostile or old host', () => {
  const answered = async (what: keyof typeof monitorRoutes, payload: Uint8Array): Promise<unknown> => {
    let result: unknown;
    await gridTest(async ({ link }) => {
      const { a, b } = link();
      const { kind, subroute } = monitorRoutes[what];
      const route = kind === 'unary' ? unary({ name: 'm', response: raw }) : duplex({ name: 'm', output: raw });
      b.handle(
        { ...route, id: 242, subroute: subroute! } as never,
        (() => (kind === 'unary' ? payload : of(payload))) as never,
      );
      const watched = monitor(a);
      const source: Observable<unknown> =
        what === 'frames' ? watched.frames() : watched[what === 'describe' ? 'description$' : (`${what}$` as const)];
      result = await lastValueFrom(source.pipe(take(1))).catch((error: unknown) => error);
    });
    return result;
  };
  const whats = Object.keys(monitorRoutes) as (keyof typeof monitorRoutes)[];
  const { encode } = msgpack();

  it.each(whats)('%s: malformed bytes, or bytes that are no map, are an error', async (what) => {
    expect(await answered(what, garbage)).toMatchObject({ code: 'codec' });
    expect(await answered(what, encode('text'))).toMatchObject({ code: 'codec' });
  });

  it.each(whats.filter((what) => what !== 'routes' && what !== 'frames'))(
    '%s: missing fields have defaults',
    async (what) => {
      const value = await answered(what, encode({ unknownField: 1 }));
      expect(value).not.toBeInstanceOf(Error);
      // What has its defaults lacks nothing any more.
      expect(await answered(what, encode(value))).toStrictEqual(value);
    },
  );

  it.each(whats.filter((what) => what !== 'routes' && what !== 'frames'))(
    '%s: fields of other types count as missing',
    async (what) => {
      const wrong = [1, 'x', null, { y: [] }];
      const names = [
        'host',
        'version',
        'uptime',
        'time',
        'paths',
        'routes',
        'local',
        'hosts',
        'open',
        'stalled',
        'streams',
      ];
      const more = [
        'transfers',
        'connected',
        'leaves',
        'arrived',
        'left',
        'status',
        'reason',
        'needed',
        'events',
        'missed',
      ];
      for (const value of wrong) {
        const all = Object.fromEntries([...names, ...more].map((name) => [name, value]));
        expect(await answered(what, encode(all))).not.toBeInstanceOf(Error);
      }
    },
  );

  it('routes: malformed entries are omitted, and invalid numbers are 0', async () => {
    const hostile = [
      1,
      null,
      { route: '\u001b[2J<script>', kind: 'x', calls: 'many', p99: 'x', errors: { '\u0007': 3 }, durations: 7 },
      { durations: { first: 1e9, counts: [1] } },
      { durations: { first: 3, count: 2, counts: [-1, 2, 'x'] } },
    ];
    const routes = (await answered('routes', encode(hostile))) as Record<string, unknown>[];
    expect(routes).toHaveLength(3);
    expect(routes[0]).toMatchObject({
      ...{ route: '\\u001b[2J<script>', kind: 'unary', side: 'caller', calls: 0, p99: undefined },
      errors: { '\\u0007': 3 },
    });
    expect(routes[1]!.durations).toStrictEqual({ count: 0, sum: 0, first: 0, counts: [] });
    expect(routes[2]!.durations).toStrictEqual({ count: 2, sum: 0, first: 3, counts: [0, 2, 0] });
  });

  it('cluster: numbers whose sum would be infinite are 0', async () => {
    const stats = { rtt: -1e308, bytesIn: 1e308, bytesOut: Infinity, callsIn: NaN, callsOut: 2 ** 53 };
    const cluster = await answered('cluster', encode({ hosts: [{ host: 'c', stats }] }));
    expect(cluster).toMatchObject({
      hosts: [{ stats: { rtt: undefined, bytesIn: 0, bytesOut: 0, callsIn: 0, callsOut: 2 ** 53 } }],
    });
  });

  it('lists are truncated to their bound', async () => {
    const streams = Array.from({ length: 5_000 }, (_, id) => ({ id: String(id) }));
    expect(((await answered('streams', encode({ streams }))) as { streams: unknown[] }).streams).toHaveLength(1_000);
  });
});

describe('a hostile caller', () => {
  it('may send malformed requests to every route of the monitor, as a later version might', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ setup: (manager) => serveMonitor(manager) });
      const [a, b] = [grid.host('a'), grid.host('b')];
      await grid.connected();
      const events: unknown[] = [];
      b.manager.events$.subscribe((event) => events.push(event));
      for (const { kind, subroute } of Object.values(monitorRoutes)) {
        const shapes = { name: 'm', request: raw };
        const route =
          kind === 'unary' ? unary({ ...shapes, response: raw }) : duplex({ ...shapes, input: raw, output: raw });
        const address = { ...route, id: 242, subroute: subroute! } as never;
        const host = a.connection(b);
        const call: Observable<unknown> =
          kind === 'unary'
            ? host.request(address, garbage as never)
            : host.exchange(address, garbage, of(garbage) as never);
        const taken = lastValueFrom(call.pipe(take(1), toArray()));
        // Its request says what is recorded, so it has to be readable.
        if (subroute === 'frames') await expect(taken).rejects.toMatchObject({ code: 'invalid-argument' });
        else expect(await taken).toHaveLength(1);
      }
      await advance(100);
      expect(events.filter((event) => (event as { type: string }).type === 'handler-error')).toStrictEqual([]);
      expect(await lastValueFrom(monitor(a.connection(b)).info$)).toMatchObject({ host: 'http://b' });
    }));
});
