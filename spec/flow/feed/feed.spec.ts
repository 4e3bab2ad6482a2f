import { describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import { from, of } from 'rxjs';
import { isFeedSource } from '../../../lib/flow/feed/feed.js';
import { FakeOutlet } from '../../support/streams/outlet.js';

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Counts how many items were pulled, and whether the generator has cleaned up. */
function counting(count = 1_000_000): { pulled: number; cleaned: number; readonly items: Generator<number> } {
  const counts = { pulled: 0, cleaned: 0, items: undefined as unknown as Generator<number> };
  counts.items = (function* () {
    try {
      for (let value = 1; value <= count; value++) {
        counts.pulled++;
        yield value;
      }
    } finally {
      counts.cleaned++;
    }
  })();
  return counts;
}

function asyncCounting(count = 1_000_000): { pulled: number; cleaned: number; readonly items: AsyncGenerator<number> } {
  const counts = { pulled: 0, cleaned: 0, items: undefined as unknown as AsyncGenerator<number> };
  counts.items = (async function* () {
    try {
      for (let value = 1; value <= count; value++) {
        counts.pulled++;
        await turn();
        yield value;
      }
    } finally {
      counts.cleaned++;
    }
  })();
  return counts;
}

describe('an iterable', () => {
  it('is pulled once per credit', () => {
    const outlet = new FakeOutlet(2);
    const source = counting();
    outlet.feed(source.items);
    expect([outlet.sent, source.pulled]).toStrictEqual([[1, 2], 2]);
    outlet.give(3);
    expect([outlet.sent, source.pulled]).toStrictEqual([[1, 2, 3, 4, 5], 5]);
  });

  it('completes after its last item, when there is credit to pull further', () => {
    const outlet = new FakeOutlet(3);
    outlet.feed([1, 2]);
    expect(outlet.log).toStrictEqual([1, 2, 'done']);
    outlet.give(1);
    expect(outlet.log).toStrictEqual([1, 2, 'done']);
  });

  it('reports what it throws after its items, once', () => {
    const outlet = new FakeOutlet(9);
    outlet.feed(
      (function* () {
        yield 1;
        throw new Error('of the generator');
      })(),
    );
    outlet.give(1);
    expect(outlet.log).toStrictEqual([1, new Error('of the generator')]);
  });

  it('is returned where an item cannot be encoded', () => {
    const outlet = new FakeOutlet(9);
    let cleaned = false;
    outlet.feed(
      (function* () {
        try {
          yield 1;
          yield -1;
          yield 2;
        } finally {
          cleaned = true;
        }
      })(),
    );
    expect([outlet.log, cleaned]).toStrictEqual([[1, new RangeError('not encodable')], true]);
  });

  it('runs its finally when it is stopped, and sends nothing more', () => {
    const outlet = new FakeOutlet(1);
    const source = counting();
    const feeder = outlet.feed(source.items);
    feeder.stop();
    feeder.stop();
    outlet.give(5);
    expect([outlet.log, source.cleaned]).toStrictEqual([[1], 1]);
  });

  it('runs its finally, and sends nothing more, when it stops its own call', () => {
    const outlet = new FakeOutlet(1);
    let cleaned = 0;
    const stop = (): void => {
      feeder.stop();
    };
    const feeder = outlet.feed(
      (function* () {
        try {
          yield 1;
          stop();
          yield 2;
        } finally {
          cleaned++;
        }
      })(),
    );
    outlet.give(5);
    expect([outlet.log, cleaned, outlet.thrown]).toStrictEqual([[1], 1, []]);
  });

  it('does not complete a call that it stops itself', () => {
    const outlet = new FakeOutlet(1);
    const stop = (): void => {
      feeder.stop();
    };
    const feeder = outlet.feed(
      (function* () {
        yield 1;
        stop();
      })(),
    );
    outlet.give(1);
    expect(outlet.log).toStrictEqual([1]);
  });

  it('swallows errors thrown while it is torn down', () => {
    const outlet = new FakeOutlet(1);
    const feeder = outlet.feed(
      (function* () {
        try {
          yield 1;
        } finally {
          throw new Error('of the tear-down');
        }
      })(),
    );
    feeder.stop();
    expect(outlet.log).toStrictEqual([1]);
  });

  it('is not pulled recursively where sending grants credit', () => {
    const outlet = new FakeOutlet(1);
    const source = counting(50_000);
    outlet.onSend = () => {
      outlet.give(1);
    };
    outlet.feed(source.items);
    expect([outlet.log.length, outlet.log.at(-1)]).toStrictEqual([50_001, 'done']);
  });

  it('fails the call where it cannot be iterated over', () => {
    const outlet = new FakeOutlet(1);
    const broken = {
      [Symbol.iterator]: (): Iterator<number> => {
        throw new Error('no iterator');
      },
    };
    outlet.feed(broken).resume();
    outlet.feed({ [Symbol.asyncIterator]: broken[Symbol.iterator] as never }).stop();
    expect(outlet.log).toStrictEqual([new Error('no iterator'), new Error('no iterator')]);
  });
});

describe('an async iterable', () => {
  it('is pulled one item at a time, and only where there is credit', async () => {
    const outlet = new FakeOutlet(0);
    const source = asyncCounting();
    outlet.feed(source.items);
    await turn();
    expect(source.pulled).toBe(0);
    outlet.give(2);
    outlet.give(0);
    expect(source.pulled).toBe(1);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect([outlet.sent, source.pulled]).toStrictEqual([[1, 2], 2]);
  });

  it('completes after its last item', async () => {
    const outlet = new FakeOutlet(9);
    outlet.feed(asyncCounting(2).items);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(outlet.log).toStrictEqual([1, 2, 'done']);
  });

  it('reports what it rejects with, or throws, once', async () => {
    const outlet = new FakeOutlet(9);
    outlet.feed(
      (async function* () {
        yield 1;
        throw new Error('of the generator');
      })(),
    );
    const throwing = {
      next: (): never => {
        throw new Error('of next');
      },
    };
    await turn();
    outlet.feed({ [Symbol.asyncIterator]: () => throwing });
    await turn();
    expect(outlet.log).toStrictEqual([1, new Error('of the generator'), new Error('of next')]);
  });

  it('may return a Promise whose own then throws, also when it is pulled again later', async () => {
    const outlet = new FakeOutlet(1);
    let asked = 0;
    const broken = Object.assign(Promise.resolve({ done: true, value: undefined }), {
      then: () => {
        throw new Error('of then');
      },
    });
    const next = (): Promise<IteratorResult<number>> =>
      asked++ === 0 ? Promise.resolve({ done: false, value: 1 }) : (broken as never);
    outlet.feed({ [Symbol.asyncIterator]: () => ({ next }) });
    await turn();
    outlet.give(1);
    await turn();
    expect(outlet.log).toStrictEqual([1, new Error('of then')]);
  });

  it('is returned where an item cannot be encoded', async () => {
    const outlet = new FakeOutlet(9);
    let cleaned = false;
    outlet.feed(
      (async function* () {
        try {
          yield -1;
        } finally {
          cleaned = true;
        }
      })(),
    );
    await turn();
    expect([outlet.log, cleaned]).toStrictEqual([[new RangeError('not encodable')], true]);
  });

  it('runs its finally when it is stopped, and a pending item is not sent', async () => {
    const outlet = new FakeOutlet(2);
    const source = asyncCounting();
    const feeder = outlet.feed(source.items);
    for (let turns = 0; turns < 2; turns++) await turn();
    feeder.stop();
    const { sent } = outlet;
    for (let turns = 0; turns < 9; turns++) await turn();
    expect([outlet.log, source.cleaned]).toStrictEqual([sent, 1]);
  });

  it('swallows errors of its tear-down, thrown or rejected', async () => {
    const outlet = new FakeOutlet(0);
    const next = async (): Promise<IteratorResult<number>> => new Promise(() => undefined);
    const rejecting = async (): Promise<never> => Promise.reject(new Error('of the tear-down'));
    const throwing = (): never => {
      throw new Error('of the tear-down');
    };
    outlet.feed({ [Symbol.asyncIterator]: () => ({ next, return: rejecting }) }).stop();
    outlet.feed({ [Symbol.asyncIterator]: () => ({ next, return: throwing }) }).stop();
    await turn();
    expect(outlet.log).toStrictEqual([]);
  });

  it('may reject after the stop', async () => {
    const outlet = new FakeOutlet(1);
    const next = async (): Promise<never> => Promise.reject(new Error('too late'));
    outlet.feed({ [Symbol.asyncIterator]: () => ({ next }) }).stop();
    await turn();
    expect(outlet.log).toStrictEqual([]);
  });
});

describe('the feed of', () => {
  it.each([
    ['an array', [1], true],
    ['a set', new Set(), true],
    ['an Observable', of(1), true],
    ['a generator', counting().items, true],
    ['an async generator', asyncCounting().items, true],
    ['a string', 'text', false],
    ['null', null, false],
    ['undefined', undefined, false],
    ['a number', 1, false],
    ['a function', () => [1], false],
    ['an object', { a: 1 }, false],
    ['a Promise', Promise.resolve([1]), false],
  ])('%s: %#', (_, value, expected) => {
    expect(isFeedSource(value)).toBe(expected);
  });

  it('an Observable is subscribed to, even where it is iterable, too', () => {
    const outlet = new FakeOutlet(0);
    const both = Object.assign(from([1, 2]), { [Symbol.asyncIterator]: () => asyncCounting().items });
    outlet.feed(both as Observable<number>);
    outlet.give(3);
    expect(outlet.log).toStrictEqual([1, 2, 'done']);
  });
});

describe('an iterable whose next grants credit', () => {
  it('is not pulled within its own next', () => {
    const outlet = new FakeOutlet(0);
    outlet.feed(
      (function* () {
        for (let value = 1; value <= 3; value++) {
          outlet.give(1);
          yield value;
        }
      })(),
    );
    outlet.give(1);
    expect(outlet.log).toStrictEqual([1, 2, 3, 'done']);
  });
});
