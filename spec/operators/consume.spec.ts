import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  catchError,
  concat,
  defer,
  delay,
  endWith,
  finalize,
  from,
  map,
  mergeMap,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { consume } from '../../lib/operators/consume.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { collectUnhandled, reported } from '../support/unhandled.js';

let scheduler: TestScheduler;
beforeEach(() => {
  scheduler = new TestScheduler((actual, expected) => {
    expect(actual).toStrictEqual(expected);
  });
});

describe('consume', () => {
  it('processes one item after the other, in order, and completes after the last', () => {
    scheduler.run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -ab-c|');
      const inner = cold('   --x|');
      const result = source.pipe(consume(() => inner));
      expectObservable(result).toBe('---x--x--x|');
      expectSubscriptions(source.subscriptions).toBe('^----!');
      expectSubscriptions(inner.subscriptions).toBe(['-^--!', '----^--!', '-------^--!']);
    });
  });

  it('processes up to its concurrency of items at once', () => {
    scheduler.run(({ hot, expectObservable }) => {
      const source = hot('abcd|');
      const result = source.pipe(consume((value) => timer(3).pipe(map(() => value)), { concurrency: 2 }));
      expectObservable(result).toBe('---ab-c(d|)');
    });
  });

  it('passes the index of each item to project, and emits all items of the inner Observable', () => {
    scheduler.run(({ hot, expectObservable }) => {
      const source = hot('a---b---|');
      const result = source.pipe(consume((value, index) => of(`${value}${String(index)}`, 'also')));
      expectObservable(result).toBe('(ax)(bx)|', { a: 'a0', b: 'b1', x: 'also' });
    });
  });

  it('completes at once where nothing is in progress', () => {
    scheduler.run(({ hot, cold, expectObservable }) => {
      expectObservable(hot('--|').pipe(consume(() => cold('---|')))).toBe('--|');
      expectObservable(hot('a----|').pipe(consume(() => cold('--|')))).toBe('-----|');
    });
  });

  it('processes all items that arrived before the source failed, and then passes its error on', () => {
    scheduler.run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  abc#');
      const inner = cold('  --x|');
      expectObservable(source.pipe(consume(() => inner))).toBe('--x--x--x#');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(inner.subscriptions).toBe(['^--!', '---^--!', '------^--!']);
      expectObservable(hot('--#').pipe(consume(() => inner))).toBe('--#');
    });
  });

  it('passes an error of an inner Observable on instead of an earlier one of the source', () => {
    scheduler.run(({ hot, cold, expectObservable }) => {
      const source = hot('  ab-#');
      const inner = cold('  -----#', {}, 'of the work');
      expectObservable(source.pipe(consume(() => inner))).toBe('-----#', {}, 'of the work');
    });
  });

  it('aborts its work at an error of the source where configured', () => {
    scheduler.run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  ab--#');
      const inner = cold('  ---------x|');
      expectObservable(source.pipe(consume(() => inner, { onSourceError: 'abandon' }))).toBe('----#');
      expectSubscriptions(inner.subscriptions).toBe(['^---!']);
    });
  });

  it('passes an error of an inner Observable on at once, and stops the source', () => {
    scheduler.run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  ab-------');
      const inner = cold('  ---#');
      expectObservable(source.pipe(consume(() => inner, { concurrency: 1 }))).toBe('---#');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(inner.subscriptions).toBe(['^--!']);
    });
  });

  it('passes what project throws on', () => {
    scheduler.run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('--ab---');
      const throwing = (): never => {
        throw new Error('of project');
      };
      expectObservable(source.pipe(consume(throwing))).toBe('--#', {}, new Error('of project'));
      expectSubscriptions(source.subscriptions).toBe('^-!');
    });
  });

  it('stops the source and the work in progress when it is unsubscribed', () => {
    scheduler.run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  ab-----');
      const inner = cold('  -------x|');
      expectObservable(source.pipe(consume(() => inner, { concurrency: 2 })), '---!').toBe('---');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(inner.subscriptions).toBe(['^--!', '-^-!']);
    });
  });

  it('accepts Promises, iterables and async iterables as results', async () => {
    const results: unknown[] = [];
    const projects: (() => Promise<string> | string[] | AsyncIterable<string>)[] = [
      async () => 'promise',
      () => ['iterable'],
      async function* () {
        yield 'async iterable';
      },
    ];
    await new Promise<void>((resolve) => {
      from(projects)
        .pipe(consume((project) => project()))
        .subscribe({ next: (result) => results.push(result), complete: resolve });
    });
    expect(results).toStrictEqual(['promise', 'iterable', 'async iterable']);
  });

  it.each([0, -1, Number.NaN])('refuses a concurrency of %p', (concurrency) => {
    expect(() => consume(() => of(1), { concurrency })).toThrow(
      `consume: concurrency must be a whole number, 1 or more, or Infinity; it is ${String(concurrency)}.`,
    );
  });

  it('refuses an unknown mode for errors of the source', () => {
    expect(() => consume(() => of(1), { onSourceError: 'stop' as 'finish' })).toThrow(
      "consume: onSourceError must be 'finish' or 'abandon'; it is 'stop'.",
    );
  });

  it('does not recurse for inner Observables that end at once', () => {
    let sum = 0;
    range(1, 100_000)
      .pipe(consume((value) => of(value)))
      .subscribe((value) => (sum += value));
    expect(sum).toBe(5_000_050_000);
  });

  it('does not recurse for buffered items', () => {
    const gate = new Subject<void>();
    let count = 0;
    range(0, 100_000)
      .pipe(consume((value) => (value === 0 ? gate : of(value))))
      .subscribe(() => count++);
    gate.complete();
    expect(count).toBe(99_999);
  });

  it('processes an item triggered by its own result after the buffered ones', () => {
    const source = new Subject<number>();
    const results: number[] = [];
    source.pipe(consume((value) => of(value))).subscribe((value) => {
      results.push(value);
      if (value < 10) source.next(value + 10);
      if (value === 1) source.next(2);
    });
    source.next(1);
    expect(results).toStrictEqual([1, 11, 2, 12]);
  });

  it('stops a source that emits endlessly within subscribe', () => {
    let emitted = 0;
    const endless = defer(function* () {
      for (;;) {
        if (++emitted > 1_000) throw new Error('not stopped');
        yield emitted;
      }
    });
    const results: unknown[] = [];
    endless
      .pipe(
        consume((value) => of(value)),
        take(3),
      )
      .subscribe((value) => results.push(value));
    endless
      .pipe(consume(() => throwError(() => new Error('failed'))))
      .subscribe({ error: (error: unknown) => results.push(error) });
    expect([results, emitted]).toStrictEqual([[1, 2, 3, new Error('failed')], 4]);
  });

  it('works separately for each subscription', () => {
    const values = of(1, 2).pipe(consume((value, index) => of(value + index)));
    const results: number[] = [];
    values.subscribe((value) => results.push(value));
    values.subscribe((value) => results.push(value));
    expect(results).toStrictEqual([1, 3, 1, 3]);
  });
});

describe('consume at the end of a stream', () => {
  const project = (value: number): Observable<number> => of(value).pipe(delay(0));

  it('retains the credit of buffered items and those in progress, and returns each when its work ends', () => {
    const stream = new FakeStream();
    const work: Subject<number>[] = [];
    const results: number[] = [];
    stream.items
      .pipe(
        consume(() => {
          const subject = new Subject<number>();
          work.push(subject);
          return subject;
        }),
      )
      .subscribe((value) => results.push(value));
    stream.push(1, 2, 3);
    expect([stream.released, work.length]).toStrictEqual([0, 1]);
    work[0]!.next(10);
    expect(stream.released).toBe(0);
    work[0]!.complete();
    expect([stream.released, work.length, results]).toStrictEqual([1, 2, [10]]);
    work[1]!.complete();
    work[2]!.complete();
    expect(stream.released).toBe(3);
  });

  it('returns all credit when it is unsubscribed, also of buffered items', () => {
    const stream = new FakeStream();
    const subscription = stream.items.pipe(consume(() => NEVER)).subscribe();
    stream.push(1, 2, 3);
    subscription.unsubscribe();
    expect([stream.released, stream.cancelled]).toStrictEqual([3, 1]);
  });

  it.each([
    ['finish', 3, [0, 1, 2, 3]],
    ['abandon', 1, [0, 3, 3, 3]],
  ] as const)(
    'where the stream fails, %s: processes %i items, and returns all credit',
    (onSourceError, worked, credit) => {
      const stream = new FakeStream();
      const work: Subject<number>[] = [];
      const errors: unknown[] = [];
      stream.items
        .pipe(
          consume(
            () => {
              const subject = new Subject<number>();
              work.push(subject);
              return subject;
            },
            { onSourceError },
          ),
        )
        .subscribe({ error: (error: unknown) => errors.push(error) });
      stream.push(1, 2, 3);
      const released = [stream.released];
      stream.end(new Error('disk full'));
      for (const count of [0, 1, 2]) {
        work[count]?.complete();
        released.push(stream.released);
      }
      expect([errors, work.length, released]).toStrictEqual([[new Error('disk full')], worked, credit]);
    },
  );

  it.each([
    ['an inner Observable fails', () => throwError(() => new Error('of the work'))],
    [
      'project throws',
      () => {
        throw new Error('of the work');
      },
    ],
  ])('returns all credit when %s', (_, failing: () => Observable<never>) => {
    const stream = new FakeStream();
    const errors: unknown[] = [];
    const work = new Subject<number>();
    stream.items
      .pipe(consume((value) => (value === 1 ? work : failing())))
      .subscribe({ error: (error: unknown) => errors.push(error) });
    stream.push(1, 2, 3);
    work.complete();
    expect([errors, stream.released, stream.cancelled]).toStrictEqual([[new Error('of the work')], 3, 1]);
  });

  it('reports once that backpressure is lost behind an asynchronous operator, with route and remedy', () => {
    scheduler.run(({ flush }) => {
      const stream = new FakeStream('watch/disk1');
      let done = 0;
      stream.items.pipe(delay(1), consume(project)).subscribe(() => done++);
      stream.push(1, 2, 3);
      expect(stream.released).toBe(3);
      flush();
      expect(done).toBe(3);
      expect(stream.events).toStrictEqual([
        {
          type: 'backpressure-lost',
          route: 'watch/disk1',
          remedy:
            'consume() stands behind an asynchronous operator, such as delay, observeOn or concatMap: the credit of an item returns before consume sees it. Put consume() before it.',
        },
      ]);
    });
  });

  it('reports it for each stream behind which it stands, and for an inner and an outer consume', () => {
    scheduler.run(({ flush }) => {
      const [left, right] = [new FakeStream('left'), new FakeStream('right')];
      const merged = new Observable<number>((subscriber) => {
        for (const { items } of [left, right]) subscriber.add(items.subscribe((value) => subscriber.next(value)));
      });
      merged.pipe(delay(1), consume(project), consume(project)).subscribe();
      left.push(1);
      flush();
      const reports = [...left.events, ...right.events].map((event) => 'route' in event && event.route);
      expect(reports).toStrictEqual(['left', 'left', 'right', 'right']);
    });
  });

  it('reports nothing for items at the end of a stream, even with an error', () => {
    const [complete, failed] = [new FakeStream(), new FakeStream()];
    const results: number[] = [];
    complete.items.pipe(endWith(9), consume(project)).subscribe();
    failed.items
      .pipe(
        catchError(() => of(9)),
        consume((value) => of(value)),
      )
      .subscribe((value) => results.push(value));
    complete.end();
    failed.end(new Error('failed'));
    expect([results, complete.events, failed.events]).toStrictEqual([[9], [], []]);
  });

  it('reports nothing for items from elsewhere', () => {
    const results: number[] = [];
    of(1, 2)
      .pipe(consume((value) => of(value)))
      .subscribe((value) => results.push(value));
    expect(results).toStrictEqual([1, 2]);
  });

  it('reports nothing for a stream subscribed to by its own work, or by the consumer of its results', () => {
    const [worked, downstream] = [new FakeStream('worked'), new FakeStream('downstream')];
    const later = new Subject<number>();
    concat(of(1), later)
      .pipe(
        consume((value) => (value === 1 ? worked.items.pipe(take(1)) : of(value))),
        mergeMap(() => downstream.items),
      )
      .subscribe();
    worked.push(1);
    later.next(2);
    expect([worked.calls, downstream.calls]).toStrictEqual([1, 2]);
    expect([worked.events, downstream.events]).toStrictEqual([[], []]);
  });
});

describe('an inner Observable whose finalizer throws', () => {
  const unhandled = collectUnhandled();
  const boom = (): never => {
    throw new Error('of the finalizer');
  };
  const endsFirst = new Observable<number>((subscriber) => {
    subscriber.next(7);
    subscriber.complete();
    // Known after the end, so it runs within `subscribe`.
    return boom;
  });

  it.each<[string, (from: Observable<number>) => Observable<number>]>([
    ['ends', (from) => from.pipe(take(1), finalize(boom))],
    ['has ended before its teardown is known', () => endsFirst],
  ])('does not delay the next item where it %s; the error is reported', async (_, work) => {
    const stream = new FakeStream();
    const source = new Subject<number>();
    const log: unknown[] = [];
    stream.items.pipe(consume(() => work(source))).subscribe((value) => log.push(value));
    stream.push(1, 2);
    source.next(7);
    source.next(7);
    expect([log, stream.released]).toStrictEqual([[7, 7], 2]);
    await reported();
    expect(unhandled).toStrictEqual([new Error('of the finalizer'), new Error('of the finalizer')]);
  });

  it('fails as it would without one', async () => {
    const stream = new FakeStream();
    const errors: unknown[] = [];
    const work = new Subject<number>();
    stream.items
      .pipe(consume(() => work.pipe(finalize(boom))))
      .subscribe({ error: (error: unknown) => errors.push(error) });
    stream.push(1);
    work.error(new Error('of the work'));
    expect([errors, stream.released]).toStrictEqual([[new Error('of the work')], 1]);
    await reported();
    expect(unhandled).toStrictEqual([new Error('of the finalizer')]);
  });
});
