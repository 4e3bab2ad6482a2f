import { expect, test } from '@jest/globals';
import { filter, map, timer, switchMap, retry } from 'rxjs';
import { DisconnectedError } from '../../../lib/index.js';
import { anError, frames, gridTest } from '../../../lib/testing/index.js';
import { add, count } from './routes.js';

/*
 * What happens when a connection is lost, and when it is back (protocol, section 4). The line takes 5 ms a way.
 */

const latency = 5;

test('a cut: calls in flight fail, and the next attempt follows at once', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency, limits: { dialJitter: 0 } });
    grid.host('b').handle(count, () => timer(0, 100));
    await grid.connected();
    const b = grid.host('a').connection('b');
    faults.cut(grid.cable('a', 'b'), { at: '250ms x' });
    expectObservable(b.stream(count, 0)).toBe(
      '10ms a 99ms b 99ms c 39ms #',
      { a: 0, b: 1, c: 2 },
      anError(DisconnectedError, { sent: true, host: 'http://b', retryable: true }),
    );
    // The last attempt began long ago, 20 ms before the diagram. This one takes 20 ms.
    expectObservable(
      timer(251).pipe(
        switchMap(() => b.state$),
        filter(({ status }) => status === 'connected'),
        map(({ connects }) => connects),
      ),
      '^ 3s !',
    ).toBe('270ms n', { n: 2 });
  }));

test('back-off: calls fail at once while the host is down, and succeed when it is back', () =>
  gridTest(async ({ cluster, faults, expectObservable, advance }) => {
    const grid = cluster({ hosts: 2, latency });
    grid.host('b').handle(add, ([first = 0]) => first);
    await grid.connected();
    const b = grid.host('a').connection('b');
    faults.restart(grid.host('b'), { for: 10_000 });
    await advance('5s');
    expect(b).toBeDefined();
    expectObservable(b.request(add, [1])).toBe('#', undefined, anError(DisconnectedError, { sent: false }));
    await advance('10s');
    expectObservable(b.request(add, [1])).toBe('10ms (r|)', { r: 1 });
  }));

test('retry across a restart: `reconnected` signals when', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency, limits: { dialJitter: 0 } });
    grid.host('b').handle(add, ([first = 0]) => timer(50).pipe(map(() => first)));
    await grid.connected();
    faults.restart(grid.host('b'), { at: 20, for: 500 });
    const b = grid.host('a').connection('b');
    const call = b.request(add, [7]).pipe(retry({ delay: (error: DisconnectedError<never>) => error.reconnected }));
    // Attempts begin at 30, 130, 330 and 730 ms; the last one takes 20 ms, and the call 60.
    expectObservable(call).toBe('810ms (r|)', { r: 7 });
  }));

test('a call of a host that has just started is answered soon: its peer redials after 50, 100, 200 … ms', () =>
  gridTest(async ({ cluster, expectObservable, advance }) => {
    const grid = cluster({ hosts: 2, latency, limits: { dialJitter: 0 } });
    grid.host('a').handle(add, ([first = 0]) => first);
    // The names decide that a dials. It is there a moment before b.
    await grid.host('a').start();
    await advance(100);
    await grid.host('b').start();
    expectObservable(grid.host('b').connection('a').request(add, [1], { timeout: 500 })).toBe('75ms (r|)', { r: 1 });
  }));

test('a partition: sent messages wait, and arrive when the network heals', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency });
    grid.host('b').handle(add, ([first = 0]) => first);
    await grid.connected();
    faults.partition([grid.host('a')], [grid.host('b')], { for: 3_000 });
    expectObservable(grid.host('a').connection('b').request(add, [1])).toBe('3010ms (r|)', { r: 1 });
  }));

test('a corrupted message breaks the connection: framing is lost', () =>
  gridTest(async ({ cluster, faults, expectFrames, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency });
    grid.host('b').handle(add, ([first = 0]) => first);
    await grid.connected();
    faults.corrupt(grid.cable('a', 'b'), { from: 'a' });
    expectFrames(grid.cable('a', 'b')).toBe('r----#', { r: frames.request(add) });
    expectObservable(grid.host('a').connection('b').request(add, [1])).toBe(
      '10ms #',
      undefined,
      anError(DisconnectedError),
    );
  }));
