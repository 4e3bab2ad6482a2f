import { expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import type { GridEvent } from '../../lib/observe.js';
import { gridTest } from '../../lib/testing/index.js';

const get = unary({ id: 1, name: 'get', request: type<number>(), response: type<number>() });
const list = duplex({ id: 2, name: 'list', request: type<number>(), output: type<number>(), outCapacity: 4 });
const meta = { tenant: 'a' };

it('a peer without metadata support gets the call without it, with one event per peer', () =>
  gridTest(async ({ cluster }) => {
    const grid = cluster({ hosts: 4, peers: { b: 'reference', c: 'reference' } });
    await grid.connected();
    const events: GridEvent[] = [];
    grid.host('a').manager.events$.subscribe((event) => events.push(event));
    const seen: unknown[] = [];
    for (const name of ['b', 'c', 'd']) {
      grid.host(name).handle(get, (value, call) => {
        seen.push({ ...call.meta });
        return value;
      });
      grid.host(name).handle(list, (value, call) => {
        seen.push({ ...call.meta });
        return [value];
      });
      const connection = grid.host('a').connection(name);
      // Without metadata there is nothing to report.
      expect(await lastValueFrom(connection.request(get, 1))).toBe(1);
      for (const value of [2, 3]) {
        expect(await lastValueFrom(connection.request(get, value, { meta }))).toBe(value);
        expect(await lastValueFrom(connection.stream(list, value, { meta }))).toBe(value);
      }
    }
    const none = Array.from({ length: 10 }, () => ({}));
    expect(seen).toStrictEqual([...none, {}, ...Array.from({ length: 4 }, () => meta)]);
    const remedy = (host: string): string =>
      `get: ${host} does not take metadata (the extension meta), and gets calls without it. Put what it must know into the request.`;
    expect(events.filter(({ type: kind }) => kind === 'meta-not-sent')).toStrictEqual([
      { type: 'meta-not-sent', route: 'get', host: 'http://b', remedy: remedy('http://b') },
      { type: 'meta-not-sent', route: 'get', host: 'http://c', remedy: remedy('http://c') },
    ]);
  }));
