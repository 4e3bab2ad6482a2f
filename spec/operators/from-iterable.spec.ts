import { describe, expect, it } from '@jest/globals';
import { asyncScheduler, map, mergeMap, observeOn, of, Subject, take } from 'rxjs';
import { consume } from '../../lib/operators/consume.js';
import { fromIterable } from '../../lib/operators/from-iterable.js';
import { fed } from '../support/streams/fed.js';
import { record, turn } from '../support/linked-managers.js';
import { testScheduler } from '../support/streams/marbles.js';
import { FakeOutlet } from '../support/streams/outlet.js';

/** A generator, and how far it was asked. */
class Numbers {
  asked = 0;
  returned = 0;

  *[Symbol.iterator](): Generator<number> {
    try {
      for (;;) yield ++this.asked;
    } finally {
      this.returned++;
    }
  }

  async *asynchronous(): AsyncGenerator<number> {
    yield* this;
  }
}

describe('fromIterable', () => {
  it('emits everything at once to an ordinary subscriber, and completes', () => {
    testScheduler().run(({ expectObservable }) => {
      expectObservable(fromIterable(['a', 'b'])).toBe('(ab|)');
      expectObservable(fromIterable([])).toBe('|');
    });
  });

  it('pulls the next item when the work on the previous one ends', () => {
    testScheduler().run(({ cold, expectObservable }) => {
      const numbers = new Numbers();
      const inner = cold('                         --x|');
      const result = fromIterable(numbers).pipe(
        consume((value) => inner.pipe(map(() => `${String(value)}/${String(numbers.asked)}`))),
        take(3),
      );
      expectObservable(result).toBe('              --a--b--(c|)', { a: '1/1', b: '2/2', c: '3/3' });
    });
  });

  it('keeps up to its capacity of items in progress', () => {
    const numbers = new Numbers();
    const works: Subject<never>[] = [];
    fromIterable(numbers, { capacity: 3 })
      .pipe(consume(() => (works[works.length] = new Subject<never>()), { concurrency: 9 }))
      .subscribe();
    expect([numbers.asked, works.length]).toStrictEqual([3, 3]);
    works[1]!.complete();
    expect([numbers.asked, works.length]).toStrictEqual([4, 4]);
  });

  it('is pulled once per credit where it is fed to a stream, behind operators, too', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const numbers = new Numbers();
      const items = fromIterable(numbers).pipe(map((value) => `${String(value)}/${String(numbers.asked)}`));
      const result = fed(items, hot('              --x--x---(xx)'), 1);
      // One more is asked for than there is credit: it waits.
      expectObservable(result, '                   ----------!').toBe('a-b--c---(de)', {
        a: '1/1',
        b: '2/2',
        c: '3/3',
        d: '4/4',
        e: '5/5',
      });
    });
  });

  it('errors with what the iterator throws', () => {
    testScheduler().run(({ expectObservable }) => {
      const items = {
        *[Symbol.iterator]() {
          yield 'a';
          throw new Error('of the iterator');
        },
      };
      expectObservable(fromIterable(items)).toBe('(a#)', undefined, new Error('of the iterator'));
    });
  });

  it('returns the iterator when it is unsubscribed, also within next', () => {
    const numbers = new Numbers();
    const values: number[] = [];
    fromIterable(numbers)
      .pipe(take(2))
      .subscribe((value) => values.push(value));
    expect([values, numbers.asked, numbers.returned]).toStrictEqual([[1, 2], 2, 1]);
    fromIterable(numbers)
      .pipe(consume(() => new Subject()))
      .subscribe()
      .unsubscribe();
    expect([numbers.asked, numbers.returned]).toStrictEqual([3, 2]);
  });

  it('returns a generator that unsubscribes within its own call', () => {
    let returned = false;
    const subscription = new Subject<void>();
    const items = (function* () {
      try {
        yield 1;
        subscription.next();
        yield 2;
      } finally {
        returned = true;
      }
    })();
    const values: number[] = [];
    const work = new Subject<never>();
    const running = fromIterable(items)
      .pipe(consume((value) => (values.push(value), work)))
      .subscribe();
    subscription.subscribe(() => {
      running.unsubscribe();
    });
    work.complete();
    expect([values, returned]).toStrictEqual([[1], true]);
  });

  it('errors where there is no iterator, and swallows errors of a generator being returned', () => {
    const refusing = {
      [Symbol.iterator]: (): Iterator<number> => {
        throw new Error('no iterator');
      },
    };
    const throwing = (function* () {
      try {
        for (;;) yield 1;
      } finally {
        throw new Error('of return');
      }
    })();
    expect(record(fromIterable(refusing)).log).toStrictEqual([new Error('no iterator')]);
    expect(record(fromIterable(throwing).pipe(take(1))).log).toStrictEqual([1, 'done']);
  });

  it('keeps the order where an item triggers the next pull', () => {
    const works: Subject<never>[] = [];
    const items: number[] = [];
    fromIterable([1, 2, 3], { capacity: 2 })
      .pipe(
        consume(
          (value) => {
            items.push(value);
            // Done with the first one while the second is given.
            if (value === 2) works[0]!.complete();
            return (works[works.length] = new Subject<never>());
          },
          { concurrency: 2 },
        ),
      )
      .subscribe();
    expect(items).toStrictEqual([1, 2, 3]);
  });

  it('does not recurse for each item', () => {
    let sum = 0;
    fromIterable(Array.from({ length: 100_000 }, () => 1))
      .pipe(consume((value) => of(value)))
      .subscribe((value) => (sum += value));
    expect(sum).toBe(100_000);
  });

  it('is not held back behind an asynchronous operator', () => {
    testScheduler().run(({ expectObservable }) => {
      const items = fromIterable(['a', 'b']).pipe(
        observeOn(asyncScheduler),
        mergeMap((value) => of(value)),
      );
      expectObservable(items).toBe('(ab|)');
    });
  });

  it('creates an iterator for each subscription', () => {
    const items = fromIterable([1, 2]);
    const values: number[] = [];
    for (let count = 0; count < 2; count++) items.subscribe((value) => values.push(value));
    expect(values).toStrictEqual([1, 2, 1, 2]);
  });

  it.each([0, 1.5])('refuses a capacity of %p', (capacity) => {
    expect(() => fromIterable([], { capacity })).toThrow(
      `fromIterable: capacity must be a whole number of items, 1 or more; it is ${String(capacity)}.`,
    );
  });
});

describe('fromIterable of an async iterable', () => {
  it('pulls the next item when the work on the previous one ends', async () => {
    const numbers = new Numbers();
    const works: Subject<never>[] = [];
    const subscription = fromIterable(numbers.asynchronous())
      .pipe(consume(() => (works[works.length] = new Subject<never>())))
      .subscribe();
    await turn();
    expect([numbers.asked, works.length]).toStrictEqual([1, 1]);
    works[0]!.complete();
    await turn();
    expect([numbers.asked, works.length]).toStrictEqual([2, 2]);
    subscription.unsubscribe();
    await turn();
    expect(numbers.returned).toBe(1);
  });

  it('is pulled once per credit where it is fed to a stream', async () => {
    const numbers = new Numbers();
    const outlet = new FakeOutlet(2);
    const feeder = outlet.feed(fromIterable(numbers.asynchronous()).pipe(map((value) => value)));
    await turn();
    expect([outlet.sent, numbers.asked]).toStrictEqual([[1, 2], 3]);
    feeder.stop();
    await turn();
    expect(numbers.returned).toBe(1);
  });

  it('swallows a failure to be returned', async () => {
    const items = (refuse: () => Promise<never>): AsyncIterable<number> => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false, value: 1 }), return: refuse }),
    });
    const refusals = [
      () => Promise.reject(new Error('later')),
      () => {
        throw new Error('at once');
      },
    ];
    for (const refuse of refusals) {
      const subscription = fromIterable(items(refuse)).subscribe();
      expect(() => {
        subscription.unsubscribe();
      }).not.toThrow();
    }
    await turn();
  });

  it('completes, or errors with what it throws, at once or later', async () => {
    const log: unknown[] = [];
    const throwing = (throwNow: boolean): AsyncIterable<number> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => {
          if (throwNow) throw new Error('at once');
          return Promise.reject(new Error('later'));
        },
      }),
    });
    const ended = (async function* () {
      yield 1;
    })();
    const broken = Object.assign(Promise.resolve(), {
      then: () => {
        throw new Error('of then');
      },
    });
    const ofThen = { [Symbol.asyncIterator]: () => ({ next: () => broken as never }) };
    for (const source of [ended, throwing(true), throwing(false), ofThen]) {
      fromIterable(source).subscribe({
        next: (value) => log.push(value),
        error: (error: unknown) => log.push(error),
        complete: () => log.push('done'),
      });
      await turn();
    }
    expect(log).toStrictEqual([1, 'done', new Error('at once'), new Error('later'), new Error('of then')]);
  });
});
