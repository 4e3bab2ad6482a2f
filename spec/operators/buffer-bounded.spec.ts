import { describe, expect, it } from '@jest/globals';
import { concat, map, NEVER, Observable, of, range, Subject, throwError } from 'rxjs';
import { BufferOverflowError } from '../../lib/errors.js';
import { bufferBounded, type BufferBoundedOptions } from '../../lib/operators/buffer-bounded.js';
import type { Drop } from '../../lib/operators/drop.js';
import { fed } from '../support/streams/fed.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { testScheduler } from '../support/streams/marbles.js';
import { FakeOutlet } from '../support/streams/outlet.js';

type Overflow = BufferBoundedOptions<unknown>['overflow'];
const policies: Overflow[] = ['error', 'drop-oldest', 'drop-newest'];

/** An endless Observable that emits within `subscribe`. */
const endless = new Observable<number>((subscriber) => {
  for (let value = 1; !subscriber.closed; value++) subscriber.next(value);
});

describe('bufferBounded, fed to a stream', () => {
  it.each(policies)('%s: emits one item per credit, in order, and completes after the last', (overflow) => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -abc-|');
      const credit = hot('  ------x-x-(xx)');
      const result = fed(source.pipe(bufferBounded({ capacity: 3, overflow })), credit);
      expectObservable(result).toBe('------a-b-(c|)');
      expectSubscriptions(source.subscriptions).toBe('^----!');
    });
  });

  it.each(policies)('%s: passes items through at once while there is credit', (overflow) => {
    testScheduler().run(({ hot, expectObservable }) => {
      expectObservable(fed(hot('-abc-|').pipe(bufferBounded({ capacity: 1, overflow })), NEVER, 5)).toBe('-abc-|');
    });
  });

  it('error: fails at once with an item beyond the bound, and stops the source', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -abcd-|');
      const result = fed(source.pipe(bufferBounded({ capacity: 2, overflow: 'error' })), hot('-----x'));
      const error = new BufferOverflowError(
        'bufferBounded: an Observable produced faster than its consumer takes: more than 2 items wait. ' +
          'Raise capacity, choose another overflow, or return an iterable or a generator.',
      );
      expectObservable(result).toBe('---#', {}, error);
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('drop-oldest: drops the oldest', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = fed(
        hot('                -abcde----|').pipe(bufferBounded({ capacity: 2, overflow: 'drop-oldest' })),
        hot('                ------x-x-x'),
      );
      expectObservable(result).toBe('------d-e-|');
    });
  });

  it('drop-newest: drops the newest', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = fed(
        hot('                -abcde----|').pipe(bufferBounded({ capacity: 2, overflow: 'drop-newest' })),
        hot('                ------x-x-x'),
      );
      expectObservable(result).toBe('------a-b-|');
    });
  });

  it('frees the room of consumed items', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = fed(
        hot('                -ab-cd-------|').pipe(bufferBounded({ capacity: 2, overflow: 'error' })),
        hot('                ---x-x-x-x'),
      );
      // At frame 5 the item comes before the credit of that frame: b is still there, c too.
      expectObservable(result).toBe('---a-#', { a: 'a' }, expect.any(BufferOverflowError));
    });
    testScheduler().run(({ hot, expectObservable }) => {
      const result = fed(
        hot('                -ab-c--d-----|').pipe(bufferBounded({ capacity: 2, overflow: 'error' })),
        hot('                ---x-x-x-x-'),
      );
      expectObservable(result).toBe('---a-b-c-d---|');
    });
  });

  it('passes an error of the source on after the buffered items', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = fed(
        hot('                -ab#').pipe(bufferBounded({ capacity: 2, overflow: 'error' })),
        hot('                -----x-x'),
      );
      expectObservable(result).toBe('-----a-(b#)');
    });
  });

  it('completes at once where nothing is buffered, without credit', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      expectObservable(fed(hot('--|').pipe(bufferBounded({ capacity: 2, overflow: 'error' })), NEVER)).toBe('--|');
    });
  });

  it('stops the source when it is unsubscribed', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-a-b-c');
      const result = fed(source.pipe(bufferBounded({ capacity: 2, overflow: 'drop-oldest' })), NEVER, 1);
      expectObservable(result, '^---!').toBe('-a---');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it.each<[Overflow, number[]]>([
    ['drop-oldest', [4, 5]],
    ['drop-newest', [1, 2]],
  ])('%s: counts dropped items, and reports them', (overflow, left) => {
    const drops: Drop<number>[] = [];
    const outlet = new FakeOutlet(0);
    const observer = new Subject<Drop<number>>();
    observer.subscribe((drop) => drops.push(drop));
    outlet.feed(range(1, 5).pipe(bufferBounded({ capacity: 2, overflow, drops: observer })));
    outlet.give(9);
    expect(outlet.log).toStrictEqual([...left, 'done']);
    const given = [1, 2, 3, 4, 5].filter((value) => !left.includes(value));
    expect(drops).toStrictEqual(given.map((value, index) => ({ value, dropped: index + 1 })));
  });

  it('counts separately for each subscription', () => {
    const drops: Drop<number>[] = [];
    const source = range(1, 2).pipe(
      bufferBounded({ capacity: 1, overflow: 'drop-newest', drops: { next: (drop) => drops.push(drop) } }),
    );
    for (const outlet of [new FakeOutlet(0), new FakeOutlet(0)]) outlet.feed(source);
    expect(drops.map(({ dropped }) => dropped)).toStrictEqual([1, 1]);
  });

  describe('with a byte bound', () => {
    const bytes = (...lengths: number[]): Uint8Array[] => lengths.map((length) => new Uint8Array(length));
    const lengthsOf = (source: Observable<Uint8Array>, options: Partial<BufferBoundedOptions<Uint8Array>>) => {
      const credit = new Subject<void>();
      const log: unknown[] = [];
      const bounded = source.pipe(bufferBounded({ capacity: 9, maxBytes: 10, overflow: 'error', ...options }));
      // Sent as lengths: what is measured is the item itself.
      fed(bounded, credit).subscribe({
        next: (item) => log.push(Object.keys(item).length),
        error: (error: unknown) => log.push(error),
        complete: () => log.push('done'),
      });
      for (let count = 0; count < 9; count++) credit.next();
      return log;
    };

    it('error: fails with a byte beyond the bound', () => {
      expect(lengthsOf(of(...bytes(5, 5)), {})).toStrictEqual([5, 5, 'done']);
      const log = lengthsOf(of(...bytes(5, 5, 1)), {});
      expect(log).toHaveLength(1);
      expect(log[0]).toBeInstanceOf(BufferOverflowError);
      expect((log[0] as Error).message).toContain('more than 9 items or 10 bytes wait');
    });

    it('drop-oldest: drops as many as make room', () => {
      expect(lengthsOf(of(...bytes(3, 4, 3, 6)), { overflow: 'drop-oldest' })).toStrictEqual([3, 6, 'done']);
    });

    it('drop-newest: drops items that do not fit, and accepts those that do', () => {
      expect(lengthsOf(of(...bytes(6, 5, 4)), { overflow: 'drop-newest' })).toStrictEqual([6, 4, 'done']);
    });

    it.each<Overflow>(['drop-oldest', 'drop-newest'])('%s: drops an item that can never fit', (overflow) => {
      const drops: number[] = [];
      const log = lengthsOf(of(...bytes(11, 2)), {
        overflow,
        drops: { next: ({ value }) => drops.push(value.byteLength) },
      });
      expect([log, drops]).toStrictEqual([[2, 'done'], [11]]);
    });

    it('measures with sizeOf', () => {
      const log: unknown[] = [];
      const source = of('ab', 'cd', 'e').pipe(
        bufferBounded({ capacity: 9, maxBytes: 4, sizeOf: (text) => text.length, overflow: 'drop-newest' }),
      );
      fed(source, range(1, 9)).subscribe((item) => log.push(item));
      expect(log).toStrictEqual(['ab', 'cd']);
    });

    it('fails at once where an item has no size, or sizeOf throws', () => {
      const outlets = [new FakeOutlet(0), new FakeOutlet(0)] as const;
      const source = new Subject<number>();
      const sizeOf = (): number => {
        throw new Error('of sizeOf');
      };
      outlets[0].feed(source.pipe(bufferBounded({ capacity: 9, maxBytes: 4, overflow: 'error' })));
      outlets[1].feed(source.pipe(bufferBounded({ capacity: 9, maxBytes: 4, overflow: 'error', sizeOf })));
      source.next(1);
      expect(outlets.map(({ log }) => log)).toStrictEqual([
        [new TypeError('An item has no byteLength, and a bound in bytes needs its size: give sizeOf.')],
        [new Error('of sizeOf')],
      ]);
      expect(source.observed).toBe(false);
    });
  });

  it('fails with what drops throws, and stops the source', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const drops = {
      next: () => {
        throw new Error('of drops');
      },
    };
    outlet.feed(source.pipe(bufferBounded({ capacity: 1, overflow: 'drop-oldest', drops })));
    source.next(1);
    source.next(2);
    expect([outlet.log, source.observed]).toStrictEqual([[new Error('of drops')], false]);
  });

  it('keeps the order where drops, or sending, makes the source emit', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const drops = {
      next: ({ value }: Drop<number>) => {
        if (value === 1) source.next(10);
      },
    };
    outlet.feed(source.pipe(bufferBounded({ capacity: 2, overflow: 'drop-oldest', drops })));
    for (const value of [1, 2, 3]) source.next(value);
    outlet.onSend = () => {
      if (outlet.sent.length === 1) source.next(20);
    };
    outlet.give(9);
    // 10 came last, after 3.
    expect(outlet.sent).toStrictEqual([3, 10, 20]);
  });

  it('may be stopped by drops', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const drops = {
      next: () => {
        feeder.stop();
      },
    };
    const feeder = outlet.feed(source.pipe(bufferBounded({ capacity: 1, overflow: 'drop-oldest', drops })));
    source.next(1);
    source.next(2);
    outlet.give(9);
    expect([outlet.log, source.observed]).toStrictEqual([[], false]);
  });

  it('stops a source that emits endlessly within subscribe', () => {
    const outlet = new FakeOutlet(0);
    outlet.feed(endless.pipe(bufferBounded({ capacity: 3, overflow: 'error' })));
    expect(outlet.log).toStrictEqual([expect.any(BufferOverflowError)]);
  });

  it('does not recurse for buffered items', () => {
    const outlet = new FakeOutlet(0);
    outlet.feed(range(1, 50_000).pipe(bufferBounded({ capacity: 50_000, overflow: 'error' })));
    outlet.onSend = () => {
      outlet.give(1);
    };
    outlet.give(1);
    expect([outlet.log.length, outlet.log.at(-1)]).toStrictEqual([50_001, 'done']);
  });

  it('fails the stream where an item cannot be encoded, and stops the source', () => {
    const outlet = new FakeOutlet(9);
    const source = new Subject<number>();
    outlet.feed(source.pipe(bufferBounded({ capacity: 3, overflow: 'error' })));
    for (const value of [1, -1, 2]) source.next(value);
    expect([outlet.log, source.observed]).toStrictEqual([[1, new RangeError('not encodable')], false]);
  });

  it('does not hold back a stream before it', () => {
    const outlet = new FakeOutlet(0);
    const stream = new FakeStream();
    outlet.feed(stream.items.pipe(bufferBounded({ capacity: 2, overflow: 'drop-oldest' })));
    stream.push(1, 2, 3, 4);
    expect(stream.released).toBe(4);
    outlet.give(2);
    expect(outlet.sent).toStrictEqual([3, 4]);
  });
});

describe('bufferBounded, with any other subscriber', () => {
  it('passes everything on at once', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const [completing, failing] = [hot('-(abc)-d|'), hot('-(abc)-#')];
      const one = bufferBounded<string>({ capacity: 1, overflow: 'error' });
      expectObservable(completing.pipe(one)).toBe('-(abc)-d|');
      expectObservable(failing.pipe(one)).toBe('-(abc)-#');
      expectObservable(completing.pipe(one), '^-!').toBe('-(abc)-');
      expectSubscriptions(completing.subscriptions).toBe(['^-------!', '^-!']);
    });
  });

  it('does so behind an operator, too', () => {
    const outlet = new FakeOutlet(0);
    outlet.feed(
      concat(
        of(1, 2),
        throwError(() => new Error('end')),
      ).pipe(
        bufferBounded({ capacity: 1, overflow: 'drop-newest' }),
        map((value) => value + 1),
      ),
    );
    outlet.give(2);
    expect(outlet.log).toStrictEqual([2, 3, new Error('end')]);
  });
});

describe('the bounds of bufferBounded', () => {
  it.each([0, -1, 1.5, Number.NaN])('refuse a capacity of %p', (capacity) => {
    expect(() => bufferBounded({ capacity, overflow: 'error' })).toThrow(
      `bufferBounded: capacity must be a whole number of items, 1 or more; it is ${String(capacity)}.`,
    );
  });

  it.each([0, -1, Number.NaN])('refuse maxBytes of %p', (maxBytes) => {
    expect(() => bufferBounded({ capacity: 1, maxBytes, overflow: 'error' })).toThrow(
      `bufferBounded: maxBytes must be a whole number of bytes, 1 or more; it is ${String(maxBytes)}.`,
    );
  });
});
