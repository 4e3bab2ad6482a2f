import { describe, expect, it } from '@jest/globals';
import { map, of, range, Subject, take, toArray } from 'rxjs';
import { chunk } from '../../lib/operators/chunk.js';
import { consume } from '../../lib/operators/consume.js';
import { toAsyncIterable } from '../../lib/operators/to-async-iterable.js';
import { unchunk } from '../../lib/operators/unchunk.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { testScheduler } from '../support/streams/marbles.js';

const values = { x: ['a', 'b'], y: ['c'], z: [] };

describe('unchunk', () => {
  it('emits the items of each chunk, in order, and completes', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      expectObservable(hot('-x----y-z-|', values).pipe(unchunk())).toBe('-(ab)-c---|');
    });
  });

  it('passes an error on', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      expectObservable(hot('-y-#', values).pipe(unchunk())).toBe('-c-#');
    });
  });

  it('stops the source when it is unsubscribed, also within a chunk', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-x-x', values);
      expectObservable(source.pipe(unchunk()), '^-!').toBe('-(ab)');
      expectObservable(source.pipe(unchunk(), take(1))).toBe('-(a|)');
      expectSubscriptions(source.subscriptions).toBe(['^-!', '^!']);
    });
  });

  it('emits the items that chunk put together', () => {
    let items: number[] = [];
    range(1, 100)
      .pipe(chunk({ maxBytes: 7, maxMs: 1, sizeOf: (value) => value % 4 }), unchunk(), toArray())
      .subscribe((all) => (items = all));
    expect(items).toStrictEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });

  it('keeps the order where an item makes the source emit', () => {
    const source = new Subject<number[]>();
    const items: number[] = [];
    source.pipe(unchunk()).subscribe((item) => {
      items.push(item);
      if (item === 1) source.next([3, 4]);
    });
    source.next([1, 2]);
    expect(items).toStrictEqual([1, 2, 3, 4]);
  });

  it('returns the credit of a chunk when all its items are processed', () => {
    const stream = new FakeStream();
    const works: Subject<never>[] = [];
    stream.items
      .pipe(
        (chunks) => chunks.pipe(chunk({ maxBytes: 2, maxMs: 1_000, sizeOf: () => 1 })),
        unchunk(),
        consume(() => (works[works.length] = new Subject<never>())),
      )
      .subscribe();
    stream.push(1, 2);
    expect([stream.released, works.length]).toStrictEqual([1, 1]);
    works[0]!.complete();
    expect([stream.released, works.length]).toStrictEqual([1, 2]);
    works[1]!.complete();
    expect(stream.released).toBe(2);
  });

  it('does not overflow a reader, however many items a chunk has', async () => {
    const stream = new FakeStream();
    const chunks$ = stream.items.pipe(map((count) => Array.from({ length: 20 * count }, (_, index) => index)));
    const iterator = toAsyncIterable(chunks$.pipe(unchunk()), { capacity: 2 })[Symbol.asyncIterator]();
    const first = iterator.next();
    stream.push(100, 100);
    await first;
    for (let taken = 1; taken < 4_000; taken++) {
      expect((await iterator.next()).value).toBe(taken % 2_000);
      expect(stream.released).toBe(taken < 2_000 ? 0 : 1);
    }
    void iterator.next();
    expect(stream.released).toBe(2);
  });

  it('emits nothing for empty chunks', () => {
    let count = 0;
    of([], [])
      .pipe(unchunk())
      .subscribe(() => count++);
    expect(count).toBe(0);
  });
});
