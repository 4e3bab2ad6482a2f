// #region first-flow
import { expect, test } from '@jest/globals';
import { consume, DisconnectedError, duplex, type } from 'rxgrid';
import { anError, frames, gridTest } from 'rxgrid/testing';
import { firstValueFrom, map, take, timer } from 'rxjs';
import { append, Disk, read, serveStore } from './store.js';

test('an item that was appended is read', () =>
  gridTest(async ({ link }) => {
    const { a, b } = link({ latency: 5 });
    serveStore(b, new Disk());
    await firstValueFrom(a.request(append, { key: 'tea', item: 7 }));
    expect(await firstValueFrom(a.request(read, 'tea'))).toStrictEqual([7]);
  }));
// #endregion

// #region diagrams
test('a call takes a round trip and two accesses to the disk', () =>
  gridTest(({ link, expectObservable, expectFrames }) => {
    const wire = link({ latency: 5 });
    serveStore(wire.b, new Disk());
    const answer = [7];
    expectFrames(wire).toBe('r 8ms a', {
      r: frames.request(append, { key: 'tea', item: 7 }),
      a: frames.response(append, answer),
    });
    expectObservable(wire.a.request(append, { key: 'tea', item: 7 })).toBe('14ms (a|)', { a: answer });
  }));
// #endregion

// #region backpressure
const numbers = duplex({ id: 3, name: 'numbers', output: type<number>(), outCapacity: 2 });

test('the producer waits for the consumer, which takes 10 ms for each item', () =>
  gridTest(({ link, expectObservable, expectFrames }) => {
    const wire = link({ latency: 20 });
    wire.b.handle(numbers, function* () {
      for (let n = 0; ; n++) yield n;
    });
    // What the caller sends: it opens the stream, returns two credits, and cancels the stream.
    expectFrames(wire, { from: 'a' }).toBe('o 49ms c 9ms c 39ms x', {
      o: frames.open(numbers),
      c: frames.outputCredit(1),
      x: frames.cancel(),
    });
    // What the producer sends: two items at once, which is the window, and one for each credit.
    expectFrames(wire, { from: 'b' }).toBe('20ms (kii) 45ms i 9ms i 39ms g', {
      k: frames.ack(),
      i: frames.output(numbers),
      g: frames.gone(),
    });
    const slow = wire.a.stream(numbers).pipe(consume((n) => timer(10).pipe(map(() => n))));
    expectObservable(slow.pipe(take(3))).toBe('50ms a 9ms b 39ms (c|)', { a: 0, b: 1, c: 2 });
  }));
// #endregion

// #region faults
test('the line breaks while the call runs: nobody knows whether it took effect', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: ['shop', 'store'], latency: 5 });
    serveStore(grid.host('store'), new Disk());
    await grid.connected();
    faults.cut(grid.cable('shop', 'store'), { at: '------x' });
    const call = grid.host('shop').connection('store').request(append, { key: 'tea', item: 7 });
    expectObservable(call).toBe('------#', undefined, anError(DisconnectedError, { sent: true }));
  }));
// #endregion

// #region seeds
test('after a partition the shop and the store find each other again', () =>
  gridTest.seeds(10, async ({ cluster, faults, random, advance }) => {
    const grid = cluster({ hosts: ['shop', 'store'], latency: 5, jitter: 10 });
    serveStore(grid.host('store'), new Disk());
    await grid.connected();
    faults.partition([grid.host('shop')], [grid.host('store')], { for: 1 + random.below(120_000) });
    await advance('3m');
    expect(await firstValueFrom(grid.host('shop').connection('store').request(read, 'tea'))).toStrictEqual([]);
  }));
// #endregion
