import { describe, expect, it } from '@jest/globals';
import { asyncScheduler, delay, NEVER, Observable, of, Subject, take } from 'rxjs';
import { chunk } from '../../lib/operators/chunk.js';
import { consume } from '../../lib/operators/consume.js';
import { fed } from '../support/streams/fed.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { testScheduler } from '../support/streams/marbles.js';

/** Each letter has the size of its place in the alphabet. */
const sizeOf = (letter: string): number => letter.charCodeAt(0) - 96;
const one = (): number => 1;

describe('chunk', () => {
  it('emits when it is full: before an item that does not fit, and at once where it is exactly full', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = hot('   -a-b-c-b--b-a|').pipe(chunk({ maxBytes: 5, maxMs: 100, sizeOf }));
      expectObservable(result).toBe('-----x-y-----(z|)', { x: ['a', 'b'], y: ['c', 'b'], z: ['b', 'a'] });
    });
  });

  it('emits when its first item has waited for maxMs, counted separately for each chunk', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = hot('   -a-a--a------|').pipe(chunk({ maxBytes: 100, maxMs: 4, sizeOf }));
      expectObservable(result).toBe('-----x----y--|', { x: ['a', 'a'], y: ['a'] });
    });
  });

  it('restarts the time after a chunk that was full', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = hot('   -b-b--------|').pipe(chunk({ maxBytes: 3, maxMs: 4, sizeOf }));
      expectObservable(result).toBe('---x---y----|', { x: ['b'], y: ['b'] });
    });
  });

  it('puts a larger item into a chunk of its own', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = hot('   -a-e---a|').pipe(chunk({ maxBytes: 3, maxMs: 100, sizeOf }));
      expectObservable(result).toBe('---(xy)-(z|)', { x: ['a'], y: ['e'], z: ['a'] });
    });
  });

  it('emits the rest before completion or error, and nothing where there is none', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const operator = chunk<string>({ maxBytes: 9, maxMs: 100, sizeOf });
      expectObservable(hot('-a-|').pipe(operator)).toBe('---(x|)', { x: ['a'] });
      expectObservable(hot('-a-#').pipe(operator)).toBe('---(x#)', { x: ['a'] });
      expectObservable(hot('---|').pipe(operator)).toBe('---|');
    });
  });

  it('stops the source and its timer when it is unsubscribed', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-a------');
      expectObservable(source.pipe(chunk({ maxBytes: 9, maxMs: 4, sizeOf })), '^--!').toBe('----');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
    const actions = new Set<unknown>();
    const scheduler = {
      now: () => 0,
      schedule: (...given: Parameters<typeof asyncScheduler.schedule>) => {
        const action = asyncScheduler.schedule(...given);
        actions.add(action);
        action.add(() => actions.delete(action));
        return action;
      },
    };
    of('a', 'a')
      .pipe(chunk({ maxBytes: 9, maxMs: 1_000, sizeOf, scheduler }))
      .subscribe();
    NEVER.pipe(chunk({ maxBytes: 9, maxMs: 1_000, sizeOf: one, scheduler }))
      .subscribe()
      .unsubscribe();
    const source = new Subject<string>();
    const subscription = source.pipe(chunk({ maxBytes: 9, maxMs: 1_000, sizeOf, scheduler })).subscribe();
    source.next('a');
    expect(actions.size).toBe(1);
    subscription.unsubscribe();
    expect(actions.size).toBe(0);
  });

  it('uses byteLength as the size, and fails where there is none', () => {
    const log: unknown[] = [];
    const record = { next: (items: unknown) => log.push(items), error: (error: unknown) => log.push(error) };
    const bytes = [new Uint8Array(2), new Uint8Array(2), new Uint8Array(1)] as const;
    of(...bytes)
      .pipe(chunk({ maxBytes: 3, maxMs: 100 }))
      .subscribe(record);
    expect(log.splice(0)).toStrictEqual([[bytes[0]], [bytes[1], bytes[2]]]);
    of('text' as unknown as Uint8Array)
      .pipe(chunk({ maxBytes: 3, maxMs: 100 }))
      .subscribe(record);
    expect(log).toStrictEqual([
      new TypeError('An item has no byteLength, and a bound in bytes needs its size: give sizeOf.'),
    ]);
  });

  it('passes on what sizeOf throws after the rest, and stops the source', () => {
    const log: unknown[] = [];
    const source = new Subject<string>();
    const throwing = (item: string): number => {
      if (item === 'x') throw new Error('of sizeOf');
      return 1;
    };
    source.pipe(chunk({ maxBytes: 9, maxMs: 100, sizeOf: throwing })).subscribe({
      next: (items) => log.push(items),
      error: (error: unknown) => log.push(error),
    });
    for (const item of ['a', 'x', 'b']) source.next(item);
    expect([log, source.observed]).toStrictEqual([[['a'], new Error('of sizeOf')], false]);
  });

  it('stops a source that emits endlessly within subscribe', () => {
    const chunks: unknown[] = [];
    const endless = new Observable<number>((subscriber) => {
      for (let value = 1; !subscriber.closed; value++) subscriber.next(value);
    });
    endless.pipe(chunk({ maxBytes: 2, maxMs: 100, sizeOf: one }), take(2)).subscribe((items) => chunks.push(items));
    expect(chunks).toStrictEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('keeps the order where a chunk makes the source emit', () => {
    const chunks: number[][] = [];
    const source = new Subject<number>();
    source.pipe(chunk({ maxBytes: 3, maxMs: 100, sizeOf: (value) => value })).subscribe((items) => {
      chunks.push(items);
      if (chunks.length === 1) source.next(1);
    });
    // The second 2 has no room, and the 1 comes while the first 2 goes out.
    source.next(2);
    source.next(2);
    source.complete();
    expect(chunks).toStrictEqual([[2], [2, 1]]);
  });

  it.each([0, Number.NaN])('refuses bounds of %p', (bound) => {
    expect(() => chunk({ maxBytes: bound, maxMs: 1 })).toThrow(
      `chunk: maxBytes must be a whole number, 1 or more; it is ${String(bound)}.`,
    );
    expect(() => chunk({ maxBytes: 1, maxMs: bound - 1 })).toThrow(
      `chunk: maxMs must be a number of ms from 0 to 2147483647; it is ${String(bound - 1)}.`,
    );
  });
});

describe('the credit of a stream before chunk', () => {
  it('is retained for a chunk: an item returns it when the next one joins, the last one when sent', () => {
    const stream = new FakeStream();
    const credit = new Subject<void>();
    const sent: number[][] = [];
    fed(stream.items.pipe(chunk({ maxBytes: 3, maxMs: 1_000, sizeOf: one })), credit).subscribe((items) =>
      sent.push(items),
    );
    stream.push(1, 2);
    expect(stream.released).toBe(1);
    stream.push(3, 4, 5, 6);
    expect([sent, stream.released]).toStrictEqual([[], 4]);
    credit.next();
    expect([sent, stream.released]).toStrictEqual([[[1, 2, 3]], 5]);
    credit.next();
    expect([sent, stream.released]).toStrictEqual([
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      6,
    ]);
  });

  it('is retained for a chunk emitted by time, too', () => {
    testScheduler().run(({ flush }) => {
      const stream = new FakeStream();
      const work = new Subject<never>();
      stream.items
        .pipe(
          chunk({ maxBytes: 9, maxMs: 3, sizeOf: one }),
          consume(() => work),
        )
        .subscribe();
      stream.push(1, 2);
      flush();
      expect([stream.released, stream.events]).toStrictEqual([1, []]);
      work.complete();
      expect(stream.released).toBe(2);
    });
  });

  it('returns when it is unsubscribed', () => {
    const stream = new FakeStream();
    const subscription = stream.items.pipe(chunk({ maxBytes: 9, maxMs: 1_000, sizeOf: one })).subscribe();
    stream.push(1, 2);
    subscription.unsubscribe();
    expect([stream.released, stream.cancelled]).toStrictEqual([2, 1]);
  });

  it('returns for an item that is not of that stream, but was only triggered by it', () => {
    const stream = new FakeStream();
    const source = new Subject<number>();
    source.pipe(chunk({ maxBytes: 9, maxMs: 1_000, sizeOf: one })).subscribe();
    stream.items.subscribe((value) => {
      source.next(value);
    });
    stream.push(1);
    expect(stream.released).toBe(1);
    source.complete();
  });

  it('is lost behind an asynchronous operator, which names the stream in its report', () => {
    testScheduler().run(({ flush }) => {
      const stream = new FakeStream('watch');
      stream.items
        .pipe(
          chunk({ maxBytes: 1, maxMs: 1, sizeOf: one }),
          delay(1),
          consume(() => of(1)),
        )
        .subscribe();
      stream.push(1);
      flush();
      expect(stream.events).toStrictEqual([expect.objectContaining({ type: 'backpressure-lost', route: 'watch' })]);
    });
  });
});
