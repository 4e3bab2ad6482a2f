import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, interval, take, toArray } from 'rxjs';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { monitor, recordFrames, serveMonitor, type ServeMonitorOptions } from '../../lib/monitor/index.js';
import { recordedBatches } from '../../lib/monitor/record-frames.js';
import { readRecording } from '../../lib/recording/index.js';
import { gridTest } from '../../lib/testing/index.js';
import { Op } from '../../lib/wire/ops.js';

const add = unary({ id: 1, name: 'add', request: type<number>(), response: type<number>() });
const count = duplex({ name: 'count', output: type<number>() });
const bulk = unary({ id: 3, name: 'bulk', request: raw });

const read = (text: string) => readRecording(text, { allowTruncated: true });

describe('recordFrames', () => {
  it('records the calls of the host, with the names of their routes and without payloads', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: ['a', 'b'], latency: 5 });
      const [a, b] = [grid.host('a'), grid.host('b')];
      a.handle(add, (n) => n + 1);
      await grid.connected();
      let text = '';
      const recording = recordFrames(a.manager).subscribe((line) => (text += line));
      await firstValueFrom(b.connection('a').request(add, 41));
      recording.unsubscribe();
      const length = text.length;
      await firstValueFrom(b.connection('a').request(add, 41));
      await advance(100);
      expect(text).toHaveLength(length);
      const { header, records: all } = read(text);
      const records = all.filter((record) => record.kind !== 'frame' || record.mux !== 0);
      expect(header).toMatchObject({ host: 'http://a', payloads: false });
      expect(records.map(({ kind }) => kind)).toStrictEqual(['opened', 'route', 'frame', 'frame']);
      expect(records[0]).toMatchObject({ host: 'http://b', peer: 'host', extended: true, calls: [] });
      expect(records[1]).toMatchObject({ name: 'add', type: 'unary', handler: 1, request: 'msgpack' });
      expect(records[2]).toMatchObject({ by: 'remote', op: Op.Request, size: 1, payload: undefined, route: 0 });
      expect(records[3]).toMatchObject({ by: 'local', op: Op.Response, size: 1, payload: undefined });
    }));

  it('names the route that has a handler now, where the address belonged to another one before', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: ['a', 'b'], latency: 5 });
      const [a, b] = [grid.host('a'), grid.host('b')];
      const plus = unary({ ...add, name: 'plus' });
      const before = [a.handle(add, (n) => n + 1), a.handle(bulk, () => undefined)];
      await grid.connected();
      let text = '';
      recordFrames(a.manager).subscribe((line) => (text += line));
      await firstValueFrom(b.connection('a').request(add, 41));
      // One handler less, and one counter more: as many as before.
      for (const registration of before) registration.remove();
      a.handle(plus, (n) => n + 1);
      await firstValueFrom(b.connection('a').request(plus, 41));
      await advance(10);
      const routes = read(text).records.filter((record) => record.kind === 'route');
      expect(routes.map(({ name }) => name)).toStrictEqual(['add', 'plus']);
    }));

  it('names open streams, keeps a payload up to its bound, and reports closed connections', () =>
    gridTest(async ({ cluster, faults, advance }) => {
      const grid = cluster({ hosts: ['a', 'b', 'c'], latency: 5 });
      const [a, b] = [grid.host('a'), grid.host('b')];
      a.handle(count, () => interval(50));
      a.handle(bulk, () => undefined);
      await grid.connected();
      const stream = b
        .connection('a')
        .stream(count, undefined)
        .subscribe({ error: () => undefined });
      await advance(30);
      let text = '';
      recordFrames(a.manager, { payloads: true, peer: 'http://b' }).subscribe((line) => (text += line));
      await advance(60);
      await firstValueFrom(b.connection('a').request(bulk, new Uint8Array((1 << 20) + 1)), { defaultValue: 0 });
      faults.cut(grid.cable('a', 'b'), { at: 'x' });
      await advance(5_000);
      stream.unsubscribe();
      const { records } = read(text);
      const opened = records.filter((record) => record.kind === 'opened');
      expect(opened.map(({ host, calls }) => [host, calls.length])).toStrictEqual([
        ['http://b', 1],
        ['http://b', 0],
      ]);
      const item = records.find((record) => record.kind === 'frame' && record.op === Op.MuxServerMsg);
      expect(item).toMatchObject({ mux: opened[0]!.calls[0]!.mux, payload: Uint8Array.of(0) });
      expect(records.find((record) => record.kind === 'closed')).toMatchObject({
        link: 1,
        reason: 'The line was cut.',
      });
      const large = records.find((record) => record.kind === 'frame' && record.size > 1 << 20);
      expect(large).toMatchObject({ payload: undefined });
    }));

  it('ends with the manager', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster(1);
      const lines = firstValueFrom(recordFrames(grid.host('a').manager).pipe(toArray()));
      await grid.connected();
      await grid.host('a').manager.close();
      expect(readRecording((await lines).join('')).records.at(-1)).toMatchObject({
        kind: 'end',
        reason: 'the host was closed',
      });
      expect(() => recordFrames(grid.host('a').manager, { payload: true } as never)).toThrow('payload');
    }));
});

describe('monitor().frames', () => {
  const asked = async (options: ServeMonitorOptions, payloads: boolean): Promise<string> => {
    let result = '';
    await gridTest(async ({ cluster }) => {
      const grid = cluster({ hosts: ['a', 'b'], setup: (manager) => serveMonitor(manager, options) });
      await grid.connected();
      const lines$ = monitor(grid.host('b').connection('a')).frames({ payloads });
      result = await firstValueFrom(lines$.pipe(take(1))).catch((error: unknown) => (error as Error).message);
    });
    return result;
  };

  it('is refused unless the host allows it, with a separate permission for payloads', async () => {
    expect(await asked({}, false)).toContain("serveMonitor's option frames allows it");
    expect(await asked({ frames: 'headers' }, true)).toContain("option frames is 'headers'");
    expect(await asked({ frames: 'payloads', authorize: () => false }, true)).toContain('authorize refused frames');
    expect(await asked({ frames: 'headers' }, false)).toMatch(/^\{"rxgrid":"recording"/);
    expect(await asked({ frames: 'payloads' }, true)).toMatch(/^\{"rxgrid":"recording"/);
    await gridTest(({ cluster }) => {
      const { manager } = cluster(1).host('a');
      expect(() => serveMonitor(manager, { frames: true } as never)).toThrow('frames');
    });
  });

  it('records neither itself nor another monitor', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: ['a', 'b'], setup: (manager) => serveMonitor(manager, { frames: 'payloads' }) });
      await grid.connected();
      const watched = monitor(grid.host('b').connection('a'));
      const before = watched.cluster$.subscribe();
      await advance(10);
      let text = '';
      const recording = watched.frames({ payloads: true }).subscribe((lines) => (text += lines));
      const after = watched.streams$.subscribe();
      await advance('5s');
      for (const each of [before, recording, after]) each.unsubscribe();
      await advance(10);
      const frames = read(text).records.filter((record) => record.kind === 'frame' && record.mux !== 0);
      expect(frames).toStrictEqual([]);
    }));

  it('reports to a slow reader how much it misses, within its bound', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster({ hosts: ['a', 'b'] });
      const [a, b] = [grid.host('a'), grid.host('b')];
      a.handle(bulk, () => undefined);
      await grid.connected();
      const stop = new AbortController();
      const batches = recordedBatches(a.manager, { payloads: true }, stop.signal);
      let text = String((await batches.next()).value?.lines);
      // 1.4 MB of base64 each: five of them have room.
      const megabyte = new Uint8Array(1 << 20);
      for (let call = 0; call < 8; call++) {
        await firstValueFrom(b.connection('a').request(bulk, megabyte), { defaultValue: 0 });
      }
      stop.abort();
      for await (const batch of batches) text += batch.lines;
      const { records } = read(text);
      const large = records.filter((record) => record.kind === 'frame' && record.size === 1 << 20);
      expect(large).toHaveLength(5);
      const gaps = records.filter((record) => record.kind === 'gap');
      expect(gaps.map(({ records: missing }) => missing)).toContain(1);
      expect(text.length).toBeLessThan(9 << 20);
    }));
});
