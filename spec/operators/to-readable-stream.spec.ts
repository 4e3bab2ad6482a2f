import { describe, expect, it } from '@jest/globals';
import { filter, map, NEVER, Observable, range, Subject, throwError } from 'rxjs';
import { BufferOverflowError } from '../../lib/errors.js';
import { conflate } from '../../lib/operators/conflate.js';
import { fromReadableStream } from '../../lib/operators/from-readable-stream.js';
import { toReadableStream } from '../../lib/operators/to-readable-stream.js';
import { gridTest } from '../../lib/testing/index.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { all, turn } from '../support/linked-managers.js';
import { testScheduler } from '../support/streams/marbles.js';

const item = <T>(value: T): unknown => ({ done: false, value });
const end = { done: true, value: undefined };

describe('toReadableStream', () => {
  it('passes items, the end, an error and an unsubscription on at once', () =>
    gridTest(({ hot, expectObservable, expectSubscriptions }) => {
      const there = (source: Observable<string>): Observable<unknown> => fromReadableStream(toReadableStream(source));
      const [done, failing, left] = [hot('-a-b|'), hot('-a-#'), hot('-a-b-c')];
      expectObservable(there(done)).toBe('-a-b|');
      expectObservable(there(failing)).toBe('-a-#');
      expectObservable(there(left), '^---!').toBe('-a-b');
      expectSubscriptions(done.subscriptions).toBe('^---!');
      expectSubscriptions(failing.subscriptions).toBe('^--!');
      expectSubscriptions(left.subscriptions).toBe('^---!');
    }));

  it('provides the items in order, and closes', async () => {
    const reader = toReadableStream(range(1, 2)).getReader();
    expect([await reader.read(), await reader.read(), await reader.read()]).toStrictEqual([item(1), item(2), end]);
    await reader.closed;
  });

  it('subscribes at the first read, and not before', () => {
    testScheduler().run(({ cold, expectSubscriptions }) => {
      const source = cold('-a|');
      toReadableStream(source).getReader();
      expectSubscriptions(source.subscriptions).toBe([]);
    });
  });

  it('closes at once where everything was read, without a read', async () => {
    const source = new Subject<number>();
    const reader = toReadableStream(source).getReader();
    const first = reader.read();
    await turn();
    source.next(1);
    await first;
    source.complete();
    await expect(reader.closed).resolves.toBeUndefined();
  });

  it('fails after the buffered items, and at once where there are none', async () => {
    const [late, now] = [new Subject<number>(), new Subject<number>()];
    const readers = [toReadableStream(late).getReader(), toReadableStream(now).getReader()] as const;
    const firsts = readers.map((reader) => reader.read());
    const closed = readers.map((reader) => reader.closed.catch((error: unknown) => ['closed', error]));
    await turn();
    for (const value of [1, 2]) late.next(value);
    late.error(new Error('late'));
    now.next(1);
    now.error(new Error('now'));
    expect(await Promise.all(firsts)).toStrictEqual([item(1), item(1)]);
    expect(await readers[0].read()).toStrictEqual(item(2));
    await expect(readers[0].read()).rejects.toThrow('late');
    expect(await Promise.all(closed)).toStrictEqual([
      ['closed', new Error('late')],
      ['closed', new Error('now')],
    ]);
  });

  it('fails where subscribing is refused, and a pending read fails with the source', async () => {
    await expect(
      toReadableStream(throwError(() => new Error('refused')))
        .getReader()
        .read(),
    ).rejects.toThrow('refused');
    const source = new Subject<number>();
    const reader = toReadableStream(source).getReader();
    const asked = reader.read();
    await turn();
    source.error(new Error('failed'));
    await expect(asked).rejects.toThrow('failed');
  });

  it('unsubscribes when it is cancelled, and receives nothing more', async () => {
    const source = new Subject<number>();
    const reader = toReadableStream(source).getReader();
    const asked = reader.read();
    await turn();
    await reader.cancel('enough');
    expect([await asked, source.observed]).toStrictEqual([end, false]);
    await toReadableStream(NEVER).cancel();
  });

  it('answers concurrent reads', async () => {
    const reader = toReadableStream(range(1, 2)).getReader();
    expect(await Promise.all([reader.read(), reader.read(), reader.read()])).toStrictEqual([item(1), item(2), end]);
  });

  it('round-trips through fromReadableStream', async () => {
    expect(await all(fromReadableStream(toReadableStream(range(1, 100))))).toHaveLength(100);
  });

  it('can be the body of a Response', async () => {
    const bytes = range(65, 3).pipe(map((byte) => Uint8Array.of(byte)));
    expect(await new Response(toReadableStream(bytes)).text()).toBe('ABC');
  });
});

describe('toReadableStream, under re-entrancy', () => {
  it('keeps the order where an item, read at once, makes the source emit', async () => {
    const source = new Subject<number>();
    const reader = toReadableStream(source.pipe(map((value) => value))).getReader();
    const asked = [reader.read(), reader.read(), reader.read()];
    await turn();
    source.subscribe((value) => {
      if (value === 1) source.next(2);
    });
    source.next(1);
    source.next(3);
    expect(await Promise.all(asked)).toStrictEqual([item(1), item(2), item(3)]);
  });

  it('stops a source that emits endlessly within subscribe, when full or where it is cancelled', async () => {
    const emitted = [0, 0];
    const endless = (index: number): Observable<number> =>
      new Observable((subscriber) => {
        while (!subscriber.closed) {
          subscriber.next(++emitted[index]!);
          if (emitted[index] === 3 && index === 1) void cancelled.cancel();
        }
      });
    const overflown = toReadableStream(endless(0), { capacity: 5 }).getReader();
    const cancelled = toReadableStream(endless(1)).getReader();
    await cancelled.read();
    await overflown.read();
    await expect(overflown.read()).rejects.toBeInstanceOf(BufferOverflowError);
    // One for who asked, five that wait, one too many.
    expect(emitted).toStrictEqual([7, 3]);
  });
});

describe('the credit of a stream in toReadableStream', () => {
  it('returns when the reader requests the next item, behind operators, too', async () => {
    const stream = new FakeStream();
    const reader = toReadableStream(stream.items.pipe(filter((value) => value > 1))).getReader();
    const first = reader.read();
    await turn();
    stream.push(1, 2, 3, 4);
    expect([await first, stream.released]).toStrictEqual([item(2), 1]);
    await turn();
    expect(stream.released).toBe(1);
    expect([await reader.read(), stream.released]).toStrictEqual([item(3), 2]);
    expect(stream.events).toStrictEqual([]);
  });

  it('returns for everything when it is cancelled', async () => {
    const stream = new FakeStream();
    const reader = toReadableStream(stream.items).getReader();
    const first = reader.read();
    await turn();
    stream.push(1, 2, 3);
    await first;
    await reader.cancel();
    expect([stream.released, stream.cancelled]).toStrictEqual([3, 1]);
  });
});

describe('the buffer of toReadableStream', () => {
  it('holds up to its capacity of items, and then fails at once and stops the source', async () => {
    const source = new Subject<number>();
    const reader = toReadableStream(source, { capacity: 2 }).getReader();
    const first = reader.read();
    await turn();
    for (const value of [1, 2, 3]) source.next(value);
    expect([await first, source.observed]).toStrictEqual([item(1), true]);
    source.next(4);
    expect(source.observed).toBe(false);
    await expect(reader.read()).rejects.toBeInstanceOf(BufferOverflowError);
  });

  it('is that of conflate where the source ends with it', async () => {
    const source = new Subject<number>();
    const reader = toReadableStream(source.pipe(conflate())).getReader();
    const first = reader.read();
    await turn();
    for (const value of [1, 2, 3]) source.next(value);
    expect([await first, await reader.read()]).toStrictEqual([item(1), item(3)]);
  });

  it('refuses an invalid capacity', () => {
    expect(() => toReadableStream(NEVER, { capacity: Number.NaN })).toThrow(
      'toReadableStream: capacity must be a whole number of items, 1 or more; it is NaN.',
    );
  });
});
