import { describe, expect, it } from '@jest/globals';
import { NEVER, Observable, range, Subject } from 'rxjs';
import { conflate } from '../../lib/operators/conflate.js';
import type { Drop } from '../../lib/operators/drop.js';
import { takeUntilAborted } from '../../lib/operators/take-until-aborted.js';
import { fed } from '../support/streams/fed.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { testScheduler } from '../support/streams/marbles.js';
import { FakeOutlet } from '../support/streams/outlet.js';

describe('conflate, fed to a stream', () => {
  it('emits the newest item at each credit', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -abc--def---|');
      const credit = hot('  ----x-----x-');
      expectObservable(fed(source.pipe(conflate()), credit)).toBe('----c-----f-|');
      expectSubscriptions(source.subscriptions).toBe('^-----------!');
    });
  });

  it('emits the next item at once where a credit is left', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = fed(hot('--a-bc-|').pipe(conflate()), hot('x-------x'));
      expectObservable(result).toBe('--a-----(c|)');
    });
  });

  it('folds the buffered item with new ones', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = fed(hot('-abc--def|').pipe(conflate((kept, item) => kept + item)), hot('----x-----x'));
      expectObservable(result).toBe('----x-----(y|)', { x: 'abc', y: 'def' });
    });
  });

  it('passes an error of the source on after the buffered item, and at once where there is none', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      expectObservable(fed(hot('-ab#').pipe(conflate()), hot('-----x'))).toBe('-----(b#)');
      expectObservable(fed(hot('---#').pipe(conflate()), NEVER)).toBe('---#');
    });
  });

  it('stops the source when it is unsubscribed', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-a-b-c');
      expectObservable(fed(source.pipe(conflate()), NEVER, 1), '^---!').toBe('-a---');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it('counts dropped items, and reports them', () => {
    const drops: Drop<number>[] = [];
    const outlet = new FakeOutlet(0);
    outlet.feed(range(1, 4).pipe(conflate({ drops: { next: (drop) => drops.push(drop) } })));
    outlet.give(1);
    expect(outlet.log).toStrictEqual([4, 'done']);
    expect(drops).toStrictEqual([1, 2, 3].map((value) => ({ value, dropped: value })));
  });

  it('fails at once with what reduce throws, and stops the source', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const reduce = (): number => {
      throw new Error('of reduce');
    };
    outlet.feed(source.pipe(conflate(reduce)));
    source.next(1);
    source.next(2);
    expect([outlet.log, source.observed]).toStrictEqual([[new Error('of reduce')], false]);
  });

  it('fails at once with what drops throws, and stops the source', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const drops = {
      next: () => {
        throw new Error('of drops');
      },
    };
    outlet.feed(source.pipe(conflate({ drops })));
    source.next(1);
    source.next(2);
    expect([outlet.log, source.observed]).toStrictEqual([[new Error('of drops')], false]);
  });

  it('ends after the items that drops makes the source emit before its end', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const drops = {
      next: ({ value }: Drop<number>) => {
        if (value !== 1) return;
        source.next(3);
        source.complete();
      },
    };
    outlet.feed(source.pipe(conflate({ drops })));
    source.next(1);
    source.next(2);
    outlet.give(9);
    expect(outlet.log).toStrictEqual([3, 'done']);
  });

  it('ends after the items that reduce folds, also where it ends the source and grants credit', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    outlet.feed(
      source.pipe(
        conflate((kept, item) => {
          source.complete();
          outlet.give(1);
          return kept + item;
        }),
      ),
    );
    source.next(1);
    source.next(2);
    expect(outlet.log).toStrictEqual([3, 'done']);
  });

  it.each(['reduce', 'drops'])('stops a source that emits endlessly within subscribe, where %s stops it', (who) => {
    const outlet = new FakeOutlet(1);
    const abort = new AbortController();
    let emitted = 0;
    const endless = new Observable<number>((subscriber) => {
      while (!subscriber.closed) subscriber.next(++emitted);
    });
    const stop = (): number => {
      if (emitted === 5) abort.abort('enough');
      return emitted;
    };
    const source = endless.pipe(takeUntilAborted(abort.signal));
    outlet.feed(source.pipe(who === 'reduce' ? conflate(stop) : conflate({ drops: { next: stop } })));
    outlet.give(1);
    expect([outlet.log, emitted]).toStrictEqual([[1, 5, 'enough'], 5]);
  });

  it('folds the items that reduce makes the source emit in order', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const folded: [number, number][] = [];
    outlet.feed(
      source.pipe(
        conflate((kept, item) => {
          folded.push([kept, item]);
          if (item === 2) source.next(10);
          return kept + item;
        }),
      ),
    );
    source.next(1);
    source.next(2);
    outlet.give(1);
    expect([folded, outlet.sent]).toStrictEqual([
      [
        [1, 2],
        [3, 10],
      ],
      [13],
    ]);
  });

  it('emits everything to a subscriber that is always ready, also where that makes the source emit', () => {
    const outlet = new FakeOutlet(9);
    const source = new Subject<number>();
    outlet.feed(source.pipe(conflate()));
    outlet.onSend = () => {
      if (outlet.sent.at(-1)! < 3) source.next(outlet.sent.at(-1)! + 1);
    };
    source.next(1);
    expect(outlet.sent).toStrictEqual([1, 2, 3]);
  });

  it('does not hold back a stream before it', () => {
    const outlet = new FakeOutlet(0);
    const stream = new FakeStream();
    outlet.feed(stream.items.pipe(conflate()));
    stream.push(1, 2, 3);
    outlet.give(1);
    expect([stream.released, outlet.sent]).toStrictEqual([3, [3]]);
  });
});

describe('conflate by key', () => {
  const key = (text: string): string => text[0]!;

  it('emits the newest of each key, in turn', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const values = { a: 'a1', b: 'b1', c: 'a2', d: 'a3', e: 'b2' };
      const source = hot('-abcd---e--|', values);
      expectObservable(fed(source.pipe(conflate({ key })), hot('------xx-x'))).toBe('------db-e-|', values);
    });
  });

  it('passes an error of the source on after the buffered items', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const result = fed(hot('-ab#').pipe(conflate({ key })), hot('-----x-x'));
      expectObservable(result).toBe('-----a-(b#)');
    });
  });

  const tens = (item: number): number => Math.floor(item / 10);
  const keyed = (outlet: FakeOutlet, maxKeys?: number): { source: Subject<number>; drops: Drop<number>[] } => {
    const source = new Subject<number>();
    const drops: Drop<number>[] = [];
    const options = { key: tens, drops: { next: (drop: Drop<number>) => drops.push(drop) } };
    outlet.feed(source.pipe(conflate(maxKeys === undefined ? options : { ...options, maxKeys })));
    return { source, drops };
  };

  it('drops the longest-buffered item where a key beyond maxKeys arrives', () => {
    const outlet = new FakeOutlet(0);
    const { source, drops } = keyed(outlet, 2);
    for (const item of [11, 21, 12, 31, 22]) source.next(item);
    outlet.give(9);
    expect(outlet.log).toStrictEqual([22, 31]);
    expect(drops).toStrictEqual([11, 12, 21].map((value, index) => ({ value, dropped: index + 1 })));
  });

  it('retains no key whose item was consumed', () => {
    const outlet = new FakeOutlet(1);
    const { source, drops } = keyed(outlet, 1);
    for (const item of [11, 21]) {
      source.next(item);
      outlet.give(1);
    }
    source.next(22);
    expect([outlet.sent, drops]).toStrictEqual([[11, 21, 22], []]);
  });

  it('keeps 10 000 keys by default', () => {
    const outlet = new FakeOutlet(0);
    const { source, drops } = keyed(outlet);
    for (let n = 0; n <= 10_000; n++) source.next(n * 10);
    expect(drops).toStrictEqual([{ value: 0, dropped: 1 }]);
  });

  it('fails at once with what key throws, and stops the source', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const thrower = (item: number): number => {
      if (item === 2) throw new Error('of key');
      return item;
    };
    outlet.feed(source.pipe(conflate({ key: thrower })));
    source.next(1);
    source.next(2);
    expect([outlet.log, source.observed]).toStrictEqual([[new Error('of key')], false]);
  });

  it('keeps items that drops makes the source emit', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const drops = { next: ({ value }: Drop<number>) => value === 11 && source.next(13) };
    outlet.feed(source.pipe(conflate({ key: tens, drops: drops })));
    source.next(11);
    source.next(12);
    outlet.give(9);
    expect(outlet.log).toStrictEqual([13]);
  });

  it.each([
    [{ key: 3 }, 'conflate: key must be a function that returns the key of an item; it is 3.'],
    [{ key, maxKeys: 0 }, 'conflate: maxKeys must be a whole number, 1 or more; it is 0.'],
  ])('refuses %p', (options, text) => {
    expect(() => conflate(options as never)).toThrow(text);
  });
});

describe('conflate, with any other subscriber', () => {
  it('passes everything on at once', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      expectObservable(hot('-(abc)-d|').pipe(conflate())).toBe('-(abc)-d|');
      expectObservable(hot('-(abc)-#').pipe(conflate((kept, item) => kept + item))).toBe('-(abc)-#');
    });
  });
});
