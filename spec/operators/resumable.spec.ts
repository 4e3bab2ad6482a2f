import { describe, expect, it } from '@jest/globals';
import { concat, delay, EMPTY, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { DisconnectedError, duplex, RemoteError, type } from '../../lib/index.js';
import { consume } from '../../lib/operators/consume.js';
import { resumable } from '../../lib/operators/resumable.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { PairOfEachTest, record, turn } from '../support/linked-managers.js';
import { testScheduler } from '../support/streams/marbles.js';

const lost = (reconnected: unknown = of(undefined)): DisconnectedError =>
  new DisconnectedError('lost', { sent: true, host: 'b', reconnected });

/** Opens a stream of fakes, and records the payloads. */
function opened(): { fake: FakeStream; payloads: unknown[]; items: Observable<number> } {
  const fake = new FakeStream();
  const payloads: unknown[] = [];
  const open = (payload: number): Observable<number> => {
    payloads.push(payload);
    return fake.items;
  };
  return { fake, payloads, items: resumable(open, { from: (last: number | undefined) => last ?? 0 }) };
}

describe('resumable', () => {
  it('reopens the stream after the last item when the connection is back', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const reconnected = cold('      ---x|');
      const payloads: unknown[] = [];
      const first = cold('        -ab#', undefined, lost(reconnected));
      const second = cold('             -c|');
      const items = resumable(
        (payload: string) => {
          payloads.push(payload);
          return payload === '' ? first : second;
        },
        { from: (last: string | undefined) => (last === undefined ? '' : `behind ${last}`) },
      );
      expectObservable(items).toBe('-ab----c|');
      expectSubscriptions(first.subscriptions).toBe('^--!');
      expectSubscriptions(reconnected.subscriptions).toBe('---^--!');
      expectSubscriptions(second.subscriptions).toBe('------^-!');
      queueMicrotask(() => {
        expect(payloads).toStrictEqual(['', 'behind b']);
      });
    });
  });

  it('stops the stream, and waiting for the connection, when it is unsubscribed', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const stream = cold('-a-b');
      const reconnected = cold('-----x|');
      const losing = resumable(() => cold('-#', undefined, lost(reconnected)), { from: () => 0 });
      expectObservable(
        resumable(() => stream, { from: () => 0 }),
        '^-!',
      ).toBe('-a');
      expectObservable(losing, '^--!').toBe('---');
      expectSubscriptions(stream.subscriptions).toBe('^-!');
      expectSubscriptions(reconnected.subscriptions).toBe('-^-!');
    });
  });

  it('first finishes the work of consume: from receives the last item, and all before it are finished', async () => {
    const { fake, payloads, items } = opened();
    const work = new Map([1, 2, 3, 4].map((item) => [item, new Subject<string>()]));
    const { log } = record(items.pipe(consume((item) => work.get(item)!, { concurrency: 2 })));
    fake.push(1, 2, 3);
    fake.end(lost());
    // The second is finished before the first, and the third waits.
    work.get(2)!.complete();
    await turn();
    expect([payloads, fake.calls]).toStrictEqual([[0], 1]);
    work.get(1)!.complete();
    await turn();
    expect(payloads).toStrictEqual([0]);
    work.get(3)!.complete();
    await turn();
    expect(payloads).toStrictEqual([0, 3]);
    fake.push(4);
    work.get(4)!.next('four');
    expect(log).toStrictEqual(['four']);
  });

  it('returns the credit of a consumed item to the stream that it came from', () => {
    const { fake, items } = opened();
    const work = new Subject<void>();
    record(items.pipe(consume(() => work)));
    fake.push(1);
    expect(fake.released).toBe(0);
    work.complete();
    expect(fake.released).toBe(1);
  });

  it.each<[string, (item: number) => Observable<never>]>([
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['fails', () => throwError(() => new Error('disk full'))],
  ])('does not reopen where the work of the last item %s: it was not consumed', async (_, fail) => {
    const { fake, payloads, items } = opened();
    const first = new Subject<never>();
    const { log } = record(items.pipe(consume((item) => (item === 1 ? first : fail(item)))));
    fake.push(1, 2);
    fake.end(lost());
    first.complete();
    await turn();
    expect([log, payloads, fake.calls]).toStrictEqual([[new Error('disk full')], [0], 1]);
  });

  it('does not reopen where it is unsubscribed with items in progress', async () => {
    const { fake, payloads, items } = opened();
    const { unsubscribe } = record(items.pipe(consume(() => NEVER)));
    fake.push(1, 2);
    fake.end(lost());
    unsubscribe();
    await turn();
    expect(payloads).toStrictEqual([0]);
  });

  it('counts an item taken by an asynchronous operator as consumed', () => {
    const { fake, payloads, items } = opened();
    const waiting = items.pipe(delay(1_000_000)).subscribe();
    fake.push(1);
    fake.end(lost());
    expect(payloads).toStrictEqual([0, 1]);
    waiting.unsubscribe();
  });

  it.each([new RemoteError('of the handler'), new Error('any'), undefined, lost(null), lost(EMPTY)])(
    'passes %p on',
    (error) => {
      const items = resumable(() => throwError(() => error), { from: () => 0 });
      expect(record(items).log).toStrictEqual([error]);
    },
  );

  it('reopens at most count times in a row; an item resets the count', () => {
    let calls = 0;
    const failing = (): Observable<number> => {
      calls++;
      return calls === 2
        ? concat(
            of(7),
            throwError(() => lost()),
          )
        : throwError(() => lost());
    };
    const { log } = record(resumable(failing, { from: () => 0, count: 2 }));
    expect([log, calls]).toStrictEqual([[7, lost()], 4]);
  });

  it.each(['stream', 'from'])('fails with what %s throws', (who) => {
    const thrower = (): never => {
      throw new Error(who);
    };
    const items = who === 'from' ? resumable(() => NEVER, { from: thrower }) : resumable(thrower, { from: () => 0 });
    expect(record(items).log).toStrictEqual([new Error(who)]);
  });

  it('stops a stream that emits within subscribe, where the subscriber has enough', () => {
    const { fake, items } = opened();
    const { unsubscribe } = record(items);
    unsubscribe();
    expect([fake.calls, fake.cancelled]).toStrictEqual([1, 1]);
  });

  it('refuses invalid options', () => {
    expect(() => resumable(() => NEVER, { from: 3 as never })).toThrow(
      'resumable: from must be a function that returns the payload behind an item; it is 3.',
    );
    expect(() => resumable(() => NEVER, { from: () => 0, count: -1 })).toThrow('resumable: count must be');
  });
});

describe('resumable over a connection', () => {
  const pair = new PairOfEachTest();
  const countFrom = duplex({ id: 20, name: 'countFrom', request: type<number>(), output: type<number>() });

  it('neither loses nor repeats an item over several losses, with a slow consumer', async () => {
    await pair.link(({ b }) => {
      b.handle(countFrom, (from) => {
        pair.seen.push(from);
        return concat(of(from, from + 1, from + 2), from < 7 ? NEVER : EMPTY);
      });
    });
    const stored: number[] = [];
    const items = resumable((from: number) => pair.ab.stream(countFrom, from), {
      from: (last: number | undefined) => (last ?? 0) + 1,
    });
    const { log } = record(
      items.pipe(
        consume((item) =>
          concat(
            pair.grid.timer(300),
            new Observable<never>((end) => {
              stored.push(item);
              end.complete();
            }),
          ),
        ),
      ),
    );
    await pair.grid.advance(100);
    for (let loss = 0; loss < 2; loss++) {
      pair.grid.cut();
      await pair.grid.advance(8_000, 100);
    }
    expect(stored).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([pair.seen, log.at(-1)]).toStrictEqual([[1, 4, 7], 'done']);
  });
});
