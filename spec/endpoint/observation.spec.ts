import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, map, NEVER, timer, type Observable } from 'rxjs';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { HandlerError } from '../../lib/errors.js';
import type { LeavesState } from '../../lib/endpoint/leaves/leaf-list.js';
import type { Health } from '../../lib/endpoint/health.js';
import type { Manager } from '../../lib/endpoint/manager.js';
import { consume } from '../../lib/operators/consume.js';
import type { RouteFigures, StreamList } from '../../lib/metrics/figures.js';
import { gridTest } from '../../lib/testing/index.js';

const get = unary({ name: 'get', request: raw, response: raw });
const slow = unary({ name: 'slow', request: type<number>(), response: type<number>() });
const feed = duplex({ name: 'feed', output: raw, outCapacity: 4 });

const routeOf = async (manager: Manager, name: string, side: RouteFigures['side']): Promise<RouteFigures> => {
  const found = (await firstValueFrom(manager.routes$)).find((each) => each.route === name && each.side === side);
  if (found === undefined) throw new Error(`${manager.local} has no figures of ${name}.`);
  return found;
};

/** What an Observable has emitted so far. */
function seen<T>(source: Observable<T>): { readonly items: T[]; readonly state: () => string; stop(): void } {
  const items: T[] = [];
  let state = 'open';
  const subscription = source.subscribe({
    next: (item) => items.push(item),
    complete: () => (state = 'complete'),
    error: () => (state = 'error'),
  });
  return { items, state: () => state, stop: () => subscription.unsubscribe() };
}

describe('routes$', () => {
  it('counts calls at both sides: outcomes, bytes and durations', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster();
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(get, (request) => {
        if (request.length === 0) throw new HandlerError('empty');
        return request.subarray(1);
      });
      b.handle(slow, (ms) => timer(ms).pipe(map(() => ms)));
      await grid.connected();
      const host = a.connection(b);
      await lastValueFrom(host.request(get, new Uint8Array(10)));
      await expect(lastValueFrom(host.request(get, new Uint8Array(0)))).rejects.toThrow('empty');
      host.request(slow, 5_000).subscribe().unsubscribe();
      for (const ms of [100, 100, 100, 2_000]) await lastValueFrom(host.request(slow, ms));
      const running = host.request(slow, 60_000_000, { timeout: 70_000_000 }).subscribe();
      await advance(10);

      expect(await routeOf(a.manager, 'get', 'caller')).toMatchObject({
        ...{ kind: 'unary', calls: 2, inFlight: 0, cancelled: 0, bytesOut: 10, bytesIn: 9 },
      });
      const handled = await routeOf(b.manager, 'get', 'handler');
      expect(handled).toMatchObject({ calls: 2, inFlight: 0, errors: { internal: 1 }, bytesIn: 10, bytesOut: 9 });
      for (const [manager, side] of [
        [a.manager, 'caller'],
        [b.manager, 'handler'],
      ] as const) {
        const figures = await routeOf(manager, 'slow', side);
        expect(figures).toMatchObject({ calls: 6, inFlight: 1, cancelled: 1, durations: { count: 4 } });
        expect(figures.p50).toBeGreaterThan(85);
        expect(figures.p50).toBeLessThan(125);
        expect(figures.p99).toBeGreaterThan(1_700);
        expect(figures.p99).toBeLessThan(2_300);
      }
      running.unsubscribe();
    }));

  it('reports the codes of errors, and does not count a cancelled call as one', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster();
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(slow, () => NEVER);
      await grid.connected();
      const host = a.connection(b);
      await expect(lastValueFrom(host.request(slow, 1, { timeout: 50 }))).rejects.toThrow('deadline');
      const call = host.request(slow, 1).subscribe();
      await advance(10);
      call.unsubscribe();
      const lost = lastValueFrom(host.request(slow, 1)).catch(() => undefined);
      await advance(10);
      b.cable(a).cut('cut');
      await lost;
      await advance(100);
      expect(await routeOf(a.manager, 'slow', 'caller')).toMatchObject({
        ...{ calls: 3, inFlight: 0, cancelled: 1 },
        errors: { 'deadline-exceeded': 1, disconnected: 1 },
      });
      expect(await routeOf(b.manager, 'slow', 'handler')).toMatchObject({ calls: 3, inFlight: 0 });
    }));

  it('counts an oversized response as an error, as its caller sees it', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster({ hosts: 2, limits: { maxUnaryBytes: 1_000 } });
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(get, () => new Uint8Array(2_000));
      await grid.connected();
      await expect(lastValueFrom(a.connection(b).request(get, new Uint8Array(1)))).rejects.toThrow('maxUnaryBytes');
      const errors = { 'resource-exhausted': 1 };
      expect(await routeOf(b.manager, 'get', 'handler')).toMatchObject({ calls: 1, errors, bytesOut: 0 });
      expect(await routeOf(a.manager, 'get', 'caller')).toMatchObject({ calls: 1, errors });
    }));

  it('emits at once and then every second, with percentiles of the last minute; observers share the work', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster();
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(slow, (ms) => timer(ms).pipe(map(() => ms)));
      await grid.connected();
      await lastValueFrom(a.connection(b).request(slow, 4_000));
      const first = seen(a.manager.routes$);
      expect(first.items).toHaveLength(1);
      expect(first.items[0]![0]!.p50).toBeGreaterThan(3_000);
      await advance(2_500);
      expect(first.items).toHaveLength(3);
      // Nobody has called since somebody observes.
      expect(first.items.at(-1)![0]!.p50).toBeUndefined();
      const second = seen(a.manager.routes$);
      expect(second.items).toStrictEqual([first.items.at(-1)]);
      await lastValueFrom(a.connection(b).request(slow, 10));
      await advance(1_000);
      expect(second.items.at(-1)).toBe(first.items.at(-1));
      expect(first.items.at(-1)![0]!.p50).toBeLessThan(20);
      await advance(80_000);
      expect(first.items.at(-1)![0]!.p50).toBeUndefined();
      expect(first.items.at(-1)![0]!.durations.count).toBe(2);
      first.stop();
      await grid.close();
      expect(second.state()).toBe('complete');
      expect((await firstValueFrom(a.manager.routes$))[0]!.calls).toBe(2);
    }));
});

describe('streams$', () => {
  it('lists open streams with their credit, which of them are blocked, and since when', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster();
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(feed, function* () {
        for (;;) yield new Uint8Array(100);
      });
      await grid.connected();
      const call = a
        .connection(b)
        .stream(feed)
        .pipe(consume(() => timer(1_000_000)))
        .subscribe();
      await advance(3_000);
      const sender = await firstValueFrom(b.manager.streams$);
      expect(sender).toMatchObject({ open: 1, stalled: 1 });
      expect(sender.streams[0]).toMatchObject({
        ...{ route: 'feed', side: 'handler', peer: 'http://a', itemsOut: 4, bytesOut: 400, creditStalls: 1 },
        sending: { granted: 4, used: 4 },
        receiving: undefined,
      });
      expect(sender.streams[0]!.stalledFor).toBeGreaterThan(2_900);
      expect(sender.streams[0]!.age).toBeGreaterThanOrEqual(sender.streams[0]!.stalledFor!);
      const receiver = await firstValueFrom(a.manager.streams$);
      expect(receiver).toMatchObject({ open: 1, stalled: 0 });
      expect(receiver.streams[0]).toMatchObject({
        ...{ side: 'caller', peer: 'http://b', itemsIn: 4, bytesIn: 400, stalledFor: undefined },
        sending: undefined,
        receiving: { granted: 4, used: 4 },
      });
      expect(await routeOf(b.manager, 'feed', 'handler')).toMatchObject({ itemsOut: 4, bytesOut: 400, inFlight: 1 });
      call.unsubscribe();
      await advance(10);
      expect(await firstValueFrom(b.manager.streams$)).toStrictEqual({ open: 0, stalled: 0, streams: [] });
      // What it has counted stays with its route, with the time for which it has waited.
      const after = await routeOf(b.manager, 'feed', 'handler');
      expect(after).toMatchObject({ calls: 1, inFlight: 0, cancelled: 1, itemsOut: 4, creditStalls: 1 });
      expect(after.creditStalledMs).toBeGreaterThan(2_900);
    }));

  it('counts one stall however often the sender asks, and none before the stream is open', () =>
    gridTest(async ({ cluster, advance }) => {
      const upload = duplex({ name: 'upload', input: raw, output: raw, inCapacity: 2 });
      const grid = cluster({ hosts: 2, latency: 20 });
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(upload, (_, call) => {
        call.input.pipe(consume(() => timer(1_000))).subscribe();
        return NEVER;
      });
      await grid.connected();
      const call = a
        .connection(b)
        .exchange(upload, undefined, () => Array.from({ length: 3 }, () => new Uint8Array(1)))
        .subscribe();
      await advance(30);
      expect((await firstValueFrom(a.manager.streams$)).streams[0]).toMatchObject({ creditStalls: 0 });
      await advance(500);
      const stalled = (await firstValueFrom(a.manager.streams$)).streams[0]!;
      expect(stalled).toMatchObject({ creditStalls: 1, sending: { granted: 2, used: 2 } });
      call.unsubscribe();
    }));

  it('lists the longest-blocked streams first, and bounds the list', () =>
    gridTest(async ({ cluster, advance }) => {
      const idle = duplex({ name: 'idle', output: raw });
      const grid = cluster();
      const [a, b] = [grid.host('a'), grid.host('b')];
      b.handle(idle, () => NEVER);
      b.handle(feed, function* () {
        for (;;) yield new Uint8Array(1);
      });
      await grid.connected();
      const host = a.connection(b);
      const calls = Array.from({ length: 1_005 }, () => host.stream(idle).subscribe());
      await advance(10);
      calls.push(
        host
          .stream(feed)
          .pipe(consume(() => NEVER))
          .subscribe(),
      );
      await advance(100);
      const list: StreamList = await firstValueFrom(b.manager.streams$);
      expect(list).toMatchObject({ open: 1_006, stalled: 1 });
      expect(list.streams).toHaveLength(1_000);
      expect(list.streams[0]!.route).toBe('feed');
      expect(new Set(list.streams.map(({ id }) => id)).size).toBe(1_000);
      for (const call of calls) call.unsubscribe();
    }));
});

describe('leaves$', () => {
  it('reports the connected leaves, arrivals, and departures with the reason', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: 1, leaves: { authenticate: (token) => token } });
      await grid.connected();
      const { manager } = grid.host('a');
      const before = seen(manager.leaves$);
      expect(before.items).toStrictEqual([{ connected: 0, leaves: [], arrived: [], left: [] }]);
      const first = grid.leaf('x', 'a');
      grid.leaf('y\u001b[2J', 'a');
      await advance(100);
      expect(before.items.flatMap(({ arrived }) => arrived.map(({ identity }) => identity))).toStrictEqual([
        'x',
        'y\\u001b[2J',
      ]);
      expect(before.items.at(-1)!.connected).toBe(2);
      first.close();
      await advance(100);
      const last: LeavesState = before.items.at(-1)!;
      expect(last.left).toMatchObject([{ identity: 'x', reason: 'The other side closed the connection.' }]);
      expect(last.leaves.map(({ identity }) => identity)).toStrictEqual(['y\\u001b[2J']);
      const late = seen(manager.leaves$);
      expect(late.items).toMatchObject([{ connected: 1, arrived: [], left: [] }]);
      await grid.close();
      expect([before.state(), late.state()]).toStrictEqual(['complete', 'complete']);
      expect(await firstValueFrom(manager.leaves$)).toMatchObject({ connected: 0, leaves: [] });
    }));

  it('exists on a host that accepts no leaves', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster(1);
      expect(await firstValueFrom(grid.host('a').manager.leaves$)).toMatchObject({ connected: 0, leaves: [] });
    }));
});

describe('health$', () => {
  it('goes from starting to ready to closed', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster(2);
      const { manager } = grid.host('a');
      const health = seen(manager.health$);
      expect(health.items).toMatchObject([{ status: 'starting', reason: 'http://a is not started yet.', hosts: 1 }]);
      await grid.connected();
      expect(health.items.at(-1)).toStrictEqual({ status: 'ready', hosts: 1, connected: 1, needed: 0 });
      await grid.close();
      expect(health.items.at(-1)).toMatchObject({ status: 'closed' });
      expect(health.state()).toBe('complete');
      expect(await firstValueFrom(manager.health$)).toMatchObject({ status: 'closed' });
    }));

  it.each<['majority' | number, string[], string[]]>([
    ['majority', ['starting', 'ready'], ['ready']],
    [2, ['starting', 'ready'], ['starting']],
  ])('waits for a quorum of %p, and is not ready without it', (readyQuorum, starts, withoutOne) =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: 3, readyQuorum });
      const { manager } = grid.host('a');
      const health = seen(manager.health$);
      await grid.connected();
      expect([...new Set(health.items.map(({ status }) => status))]).toStrictEqual(starts);
      grid.host('b').crash();
      await advance(100);
      const last: Health = health.items.at(-1)!;
      expect([last.status]).toStrictEqual(withoutOne);
      expect(last.connected).toBe(1);
      if (readyQuorum === 2) expect(last.reason).toMatch(/1 of the 2 hosts that it needs \(readyQuorum\)/);
    }),
  );

  it('refuses an invalid quorum', () =>
    gridTest(({ cluster }) => {
      expect(() => cluster({ hosts: 1, readyQuorum: -1 })).toThrow(/readyQuorum must be a whole number/);
    }));
});
