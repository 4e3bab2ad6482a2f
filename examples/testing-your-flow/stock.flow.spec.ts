import { test } from '@jest/globals';
import { RemoteError } from 'rxgrid';
import { anError, frames, gridTest } from 'rxgrid/testing';
import { reserve, serveStock, watchLevel } from './stock.js';

// Two ends, 5 ms apart. In a diagram one character is 1 ms; setTimeout in the handler runs on the same time.
test('a shop reserves, and hears of the change', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency: 5 });
    const [shop, warehouse] = [wire.a, wire.b];
    serveStock(warehouse, new Map([['tea', 7]]));
    const [seven, five] = [7, 5].map((left) => ({ item: 'tea', left }));

    expectObservable(shop.stream(watchLevel, 'tea'), '^ 50ms !').toBe('10ms s 19ms f', { s: seven, f: five });
    expectObservable(shop.request(reserve, { item: 'tea', count: 2 })).toBe('30ms (f|)', { f: five });
    // Both calls are sent at once; a shop that has taken a level says so a round trip later; unsubscribing cancels.
    expectFrames(wire, { from: 'a' }).toBe('(or) 16ms c 19ms c 10ms x', {
      o: frames.open(watchLevel, 'tea'),
      r: frames.request(reserve, { item: 'tea', count: 2 }),
      c: frames.outputCredit(1),
      x: frames.cancel(),
    });
  }));

test('a shop that wants too much hears why', () =>
  gridTest(({ link, expectObservable }) => {
    const wire = link({ latency: 5 });
    serveStock(wire.b, new Map([['tea', 1]]));
    expectObservable(wire.a.request(reserve, { item: 'tea', count: 2 })).toBe(
      '30ms #',
      undefined,
      anError(RemoteError, { message: 'Only 1 of tea are left.' }),
    );
  }));
