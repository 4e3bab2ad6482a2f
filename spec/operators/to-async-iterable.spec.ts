import { describe, expect, it } from '@jest/globals';
import { delay, filter, map, mergeMap, NEVER, Observable, range, Subject, throwError } from 'rxjs';
import { BufferOverflowError } from '../../lib/errors.js';
import { bufferBounded } from '../../lib/operators/buffer-bounded.js';
import { conflate } from '../../lib/operators/conflate.js';
import { fromIterable } from '../../lib/operators/from-iterable.js';
import { toAsyncIterable } from '../../lib/operators/to-async-iterable.js';
import { gridTest } from '../../lib/testing/index.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { testScheduler } from '../support/streams/marbles.js';

const item = <T>(value: T): IteratorResult<T, void> => ({ done: false, value });
const end: IteratorResult<never, void> = { done: true, value: undefined };

function iterate<T>(source: Observable<T>, options?: { capacity: number }): AsyncIterator<T, void> {
  return toAsyncIterable(source, options)[Symbol.asyncIterator]() as AsyncIterator<T, void>;
}

describe('toAsyncIterable', () => {
  it('passes items, the end, an error and an unsubscription on at once', () =>
    gridTest(({ hot, expectObservable, expectSubscriptions }) => {
      const there = (source: Observable<string>): Observable<unknown> => fromIterable(toAsyncIterable(source));
      const [done, failing, left] = [hot('-a-b|'), hot('-a-#'), hot('-a-b-c')];
      expectObservable(there(done)).toBe('-a-b|');
      expectObservable(there(failing)).toBe('-a-#');
      expectObservable(there(left), '^---!').toBe('-a-b');
      expectSubscriptions(done.subscriptions).toBe('^---!');
      expectSubscriptions(failing.subscriptions).toBe('^--!');
      expectSubscriptions(left.subscriptions).toBe('^---!');
    }));

  it('yields the items in order, and the end', async () => {
    const items: number[] = [];
    for await (const value of toAsyncIterable(range(1, 3))) items.push(value);
    expect(items).toStrictEqual([1, 2, 3]);
  });

  it('subscribes at the first next, once for each loop', async () => {
    testScheduler().run(({ cold, expectSubscriptions }) => {
      const source = cold('-a|');
      iterate(source);
      expectSubscriptions(source.subscriptions).toBe([]);
    });
    let subscriptions = 0;
    const source = new Observable<number>((subscriber) => {
      subscriber.next(++subscriptions);
      subscriber.complete();
    });
    const iterable = toAsyncIterable(source);
    const items: number[] = [];
    for (let loop = 0; loop < 2; loop++) for await (const value of iterable) items.push(value);
    expect(items).toStrictEqual([1, 2]);
  });

  it('yields an item on arrival where the loop waits, and unsubscribes when it is left', () => {
    testScheduler().run(({ hot, expectSubscriptions, flush }) => {
      const source = hot('-a-b-|');
      const iterator = iterate(source);
      void iterator.next();
      expectSubscriptions(source.subscriptions).toBe('^----!');
      flush();
    });
  });

  it('passes an error on after the buffered items, and then the end', async () => {
    const source = new Subject<number>();
    const iterator = iterate(source);
    const first = iterator.next();
    for (const value of [1, 2]) source.next(value);
    source.error(new Error('of the source'));
    expect([await first, await iterator.next()]).toStrictEqual([item(1), item(2)]);
    await expect(iterator.next()).rejects.toStrictEqual(new Error('of the source'));
    expect(await iterator.next()).toStrictEqual(end);
  });

  it('answers concurrent calls in order, and rejects the first of them with an error', async () => {
    const source = new Subject<number>();
    const iterator = iterate(source);
    const asked = [iterator.next(), iterator.next(), iterator.next()];
    source.next(1);
    source.error(new Error('failed'));
    expect(await Promise.allSettled(asked)).toStrictEqual([
      { status: 'fulfilled', value: item(1) },
      { status: 'rejected', reason: new Error('failed') },
      { status: 'fulfilled', value: end },
    ]);
  });

  it('rejects where subscribing to the source is refused', async () => {
    await expect(iterate(throwError(() => new Error('refused'))).next()).rejects.toThrow('refused');
  });

  it('unsubscribes when the loop is left, by return or by throw, also before it began', async () => {
    const source = new Subject<number>();
    const [left, right, early] = [iterate(source), iterate(source), iterate(source)];
    const asked = [left.next(), right.next()];
    expect(await left.return!()).toStrictEqual(end);
    await expect(right.throw!('enough')).rejects.toBe('enough');
    expect(await Promise.all(asked)).toStrictEqual([end, end]);
    expect(source.observed).toBe(false);
    await early.return!();
    expect([await early.next(), source.observed]).toStrictEqual([end, false]);
  });

  it('unsubscribes where the loop is disposed of', async () => {
    const source = new Subject<number>();
    const iterator = iterate(source) as AsyncGenerator<number>;
    void iterator.next();
    await iterator[Symbol.asyncDispose]();
    expect(source.observed).toBe(false);
  });
});

describe('the credit of a stream in toAsyncIterable', () => {
  it('returns when the loop requests the next item, behind operators, too', async () => {
    const stream = new FakeStream();
    const iterator = iterate(
      stream.items.pipe(
        filter((value) => value > 1),
        map((value) => 10 * value),
      ),
    );
    const first = iterator.next();
    stream.push(1, 2, 3);
    expect([await first, stream.released]).toStrictEqual([item(20), 1]);
    expect([await iterator.next(), stream.released]).toStrictEqual([item(30), 2]);
    const last = iterator.next();
    expect(stream.released).toBe(3);
    stream.end();
    expect([await last, stream.events]).toStrictEqual([end, []]);
  });

  it('returns for an item that is read by two concurrent calls of next', async () => {
    const stream = new FakeStream();
    const iterator = iterate(stream.items);
    const asked = [iterator.next(), iterator.next()];
    stream.push(1, 2);
    expect([await Promise.all(asked), stream.released]).toStrictEqual([[item(1), item(2)], 1]);
  });

  it('returns for an item at once where the next one is already requested, to avoid a deadlock', async () => {
    const iterator = iterate(fromIterable([1, 2, 3]).pipe(map((value) => value)));
    expect(await Promise.all([iterator.next(), iterator.next(), iterator.next()])).toStrictEqual([
      item(1),
      item(2),
      item(3),
    ]);
    const source = new FakeStream();
    const later = iterate(source.items);
    const asked = [later.next(), later.next()];
    source.push(1);
    expect([await asked[0], source.released]).toStrictEqual([item(1), 1]);
  });

  it('returns for everything when the loop is left', async () => {
    const stream = new FakeStream();
    const iterator = iterate(stream.items);
    const first = iterator.next();
    stream.push(1, 2, 3);
    await first;
    await iterator.return!();
    expect([stream.released, stream.cancelled]).toStrictEqual([3, 1]);
  });

  it('is retained beyond the capacity for batches that an operator splits, too', async () => {
    const stream = new FakeStream();
    const iterator = iterate(stream.items.pipe(mergeMap((value) => [value, value])), { capacity: 2 });
    const first = iterator.next();
    stream.push(1, 2, 3, 4);
    const values = [(await first).value];
    for (let count = 1; count < 8; count++) values.push((await iterator.next()).value);
    expect(values).toStrictEqual([1, 1, 2, 2, 3, 3, 4, 4]);
  });

  it('is retained beyond the capacity: the window bounds it', async () => {
    const stream = new FakeStream();
    const iterator = iterate(stream.items, { capacity: 1 });
    const first = iterator.next();
    stream.push(1, 2, 3, 4);
    expect([await first, await iterator.next(), await iterator.next()]).toStrictEqual([item(1), item(2), item(3)]);
  });

  it('is lost behind an asynchronous operator, which is reported once', () => {
    testScheduler().run(({ flush }) => {
      const stream = new FakeStream('watch');
      void iterate(stream.items.pipe(delay(1))).next();
      stream.push(1, 2);
      flush();
      expect([stream.released, stream.events]).toStrictEqual([
        2,
        [
          {
            type: 'backpressure-lost',
            route: 'watch',
            remedy:
              'toAsyncIterable() stands behind an asynchronous operator, such as delay, observeOn or concatMap: the credit of an item returns before it is read. Put consume() before that operator.',
          },
        ],
      ]);
    });
  });

  it('limits how far an iterable is pulled', async () => {
    let made = 0;
    const numbers = (function* () {
      for (;;) yield ++made;
    })();
    const iterator = iterate(fromIterable(numbers).pipe(map((value) => value)));
    for (const value of [1, 2, 3]) expect([await iterator.next(), made]).toStrictEqual([item(value), value]);
  });
});

describe('the buffer of toAsyncIterable', () => {
  it('holds up to its capacity of items, and then fails at once and stops the source', async () => {
    const source = new Subject<number>();
    const iterator = iterate(source, { capacity: 2 });
    const first = iterator.next();
    // One for the loop that waits, two that wait for it.
    for (const value of [1, 2, 3]) source.next(value);
    expect([await first, source.observed]).toStrictEqual([item(1), true]);
    source.next(4);
    expect(source.observed).toBe(false);
    await expect(iterator.next()).rejects.toStrictEqual(
      new BufferOverflowError(
        'An Observable produced faster than toAsyncIterable is read: more than 2 items are buffered. ' +
          'Raise capacity, make the items with fromIterable(…), or pipe through bufferBounded(…) or conflate().',
      ),
    );
  });

  it('frees the room of read items', async () => {
    const source = new Subject<number>();
    const iterator = iterate(source, { capacity: 1 });
    void iterator.next();
    source.next(0);
    for (let value = 1; value < 5; value++) {
      source.next(value);
      expect(await iterator.next()).toStrictEqual(item(value));
    }
  });

  it('holds 1 024 items by default, also those that one delivery of a stream became', async () => {
    const stream = new FakeStream();
    const iterator = iterate(stream.items.pipe(mergeMap(() => range(1, 1_027))));
    const first = iterator.next();
    stream.push(1);
    await first;
    await expect(iterator.next()).rejects.toBeInstanceOf(BufferOverflowError);
    const [ample, short] = [iterate(range(0, 1_025)), iterate(range(0, 1_026))];
    expect([await ample.next(), await ample.next()]).toStrictEqual([item(0), item(1)]);
    await short.next();
    await expect(short.next()).rejects.toBeInstanceOf(BufferOverflowError);
  });

  it('is that of bufferBounded or conflate where the source ends with one', async () => {
    const source = new Subject<number>();
    const [oldest, newest] = [
      iterate(source.pipe(bufferBounded({ capacity: 2, overflow: 'drop-newest' }))),
      iterate(source.pipe(conflate())),
    ];
    const first = [oldest.next(), newest.next()];
    for (const value of [1, 2, 3, 4]) source.next(value);
    expect(await Promise.all(first)).toStrictEqual([item(1), item(1)]);
    expect([await oldest.next(), await newest.next()]).toStrictEqual([item(2), item(4)]);
    await newest.return!();
    await oldest.return!();
    expect(source.observed).toBe(false);
  });

  it('stops a source that emits endlessly within subscribe, when full or where the loop is left', async () => {
    const emitted = [0, 0];
    const endless = (index: number): Observable<number> =>
      new Observable((subscriber) => {
        while (!subscriber.closed) {
          subscriber.next(++emitted[index]!);
          if (emitted[index] === 3 && index === 1) void left.return!();
        }
      });
    const overflown = iterate(endless(0), { capacity: 5 });
    const left: AsyncIterator<number, void> = iterate(endless(1));
    expect([await overflown.next(), await left.next(), await left.next()]).toStrictEqual([item(1), item(1), end]);
    await expect(overflown.next()).rejects.toBeInstanceOf(BufferOverflowError);
    // One for the loop that waits, five that wait for it, one too many.
    expect(emitted).toStrictEqual([7, 3]);
  });

  it('refuses an invalid capacity', () => {
    expect(() => toAsyncIterable(NEVER, { capacity: 0 })).toThrow(
      'toAsyncIterable: capacity must be a whole number of items, 1 or more; it is 0.',
    );
  });

  it('keeps the order where an item, read at once, makes the source emit', async () => {
    const source = new Subject<number>();
    const iterator = iterate(source.pipe(map((value) => value)));
    const asked = [iterator.next(), iterator.next(), iterator.next()];
    source.subscribe((value) => {
      if (value === 1) source.next(2);
    });
    source.next(1);
    source.next(3);
    expect(await Promise.all(asked)).toStrictEqual([item(1), item(2), item(3)]);
  });
});
