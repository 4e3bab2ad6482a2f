import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from '@jest/globals';
import { filter, map, NEVER, of, range, Subject, throwError, Observable } from 'rxjs';
import { BufferOverflowError, CancelledError } from '../../lib/errors.js';
import { toNodeReadable } from '../../lib/node/to-node-readable.js';
import { conflate } from '../../lib/operators/conflate.js';
import { gridTest } from '../../lib/testing/index.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { turn } from '../support/linked-managers.js';
import { testScheduler } from '../support/streams/marbles.js';

/** The items, and the error or the end. */
async function read(stream: Readable): Promise<unknown[]> {
  const log: unknown[] = [];
  try {
    for await (const item of stream) log.push(item);
    log.push('end');
  } catch (error) {
    log.push(error);
  }
  return log;
}

/** What a stream tells its listeners. */
function events(stream: Readable): Observable<unknown> {
  return new Observable((subscriber) => {
    stream.on('data', (item) => {
      subscriber.next(item);
    });
    stream.on('error', (error) => {
      subscriber.error(error);
    });
    stream.on('end', () => {
      subscriber.complete();
    });
    return () => stream.destroy();
  });
}

describe('toNodeReadable', () => {
  it('passes items, the end, an error and an unsubscription on at once', () =>
    gridTest(({ hot, expectObservable, expectSubscriptions }) => {
      const there = (source: Observable<string>): Observable<unknown> => events(toNodeReadable(source));
      const [done, failing, left] = [hot('-a-b|'), hot('-a-#', undefined, new Error('failed')), hot('-a-b-c')];
      expectObservable(there(done)).toBe('-a-b|');
      expectObservable(there(failing)).toBe('-a-#', undefined, new Error('failed'));
      expectObservable(there(left), '^---!').toBe('-a-b');
      expectSubscriptions(done.subscriptions).toBe('^---!');
      expectSubscriptions(failing.subscriptions).toBe('^--!');
      expectSubscriptions(left.subscriptions).toBe('^---!');
    }));

  it('provides the items in order, and ends', async () => {
    expect(await read(toNodeReadable(range(1, 3)))).toStrictEqual([1, 2, 3, 'end']);
    expect(await read(toNodeReadable(of()))).toStrictEqual(['end']);
  });

  it('emits them to listeners', async () => {
    const stream = toNodeReadable(range(1, 3));
    const log: unknown[] = [];
    stream.on('data', (item) => log.push(item)).on('end', () => log.push('end'));
    await new Promise((resolve) => stream.on('close', resolve));
    expect(log).toStrictEqual([1, 2, 3, 'end']);
  });

  it('subscribes at the first read, and not before', () => {
    testScheduler().run(({ cold, expectSubscriptions }) => {
      const source = cold('-a|');
      toNodeReadable(source);
      expectSubscriptions(source.subscriptions).toBe([]);
    });
  });

  it('is destroyed with the error of the source, after the buffered items', async () => {
    const source = new Subject<number>();
    const reading = read(toNodeReadable(source));
    await turn();
    for (const value of [1, 2]) source.next(value);
    source.error(new Error('of the source'));
    expect(await reading).toStrictEqual([1, 2, new Error('of the source')]);
  });

  it('is destroyed where subscribing is refused, and where the source fails without an error', async () => {
    expect(await read(toNodeReadable(throwError(() => new Error('refused'))))).toStrictEqual([new Error('refused')]);
    expect(
      await read(
        toNodeReadable(
          new Observable((subscriber) => {
            subscriber.error(undefined);
          }),
        ),
      ),
    ).toStrictEqual([new CancelledError('The source failed without an error.')]);
  });

  it('unsubscribes when it is destroyed, also by a signal, and when a loop is left', async () => {
    const source = new Subject<number>();
    const abort = new AbortController();
    const [left, destroyed, aborted] = [
      toNodeReadable(source),
      toNodeReadable(source),
      toNodeReadable(source, { signal: abort.signal }),
    ];
    const readings = [
      (async () => {
        for await (const _ of left) break;
      })(),
      read(destroyed),
      read(aborted),
    ];
    await turn();
    source.next(1);
    await readings[0];
    destroyed.destroy();
    abort.abort();
    expect(source.observed).toBe(false);
    expect(await readings[2]).toStrictEqual([1, expect.objectContaining({ name: 'AbortError' })]);
    await readings[1];
  });

  it('is a byte stream where objectMode is false, and skips empty items', async () => {
    const source = of(Uint8Array.of(65), new Uint8Array(0), Uint8Array.of(66, 67), '', 'D');
    const stream = toNodeReadable(source as Observable<unknown>, { objectMode: false });
    expect(Buffer.concat((await read(stream)).slice(0, -1) as Buffer[]).toString()).toBe('ABCD');
  });

  it('works in a pipeline', async () => {
    const taken: unknown[] = [];
    await pipeline(toNodeReadable(range(1, 1_000)), async (items: AsyncIterable<number>) => {
      for await (const item of items) taken.push(item);
    });
    expect(taken).toHaveLength(1_000);
  });

  it('refuses null, which would be the end', async () => {
    const source = new Subject<number | null>();
    const reading = read(toNodeReadable(source));
    await turn();
    source.next(1);
    source.next(null);
    expect(await reading).toStrictEqual([
      1,
      new TypeError('toNodeReadable: an item is null, which a Node stream takes for its end. Map it.'),
    ]);
    expect(source.observed).toBe(false);
  });

  it('keeps the order where an item makes the source emit', async () => {
    const source = new Subject<number>();
    const stream = toNodeReadable(source);
    const items: unknown[] = [];
    stream.on('data', (item: number) => {
      items.push(item);
      if (item < 3) source.next(item + 1);
      else source.complete();
    });
    await turn();
    source.next(1);
    await new Promise((resolve) => stream.on('close', resolve));
    expect(items).toStrictEqual([1, 2, 3]);
  });
});

describe('toNodeReadable, under re-entrancy', () => {
  it('does not recurse where a listener makes the source emit, and reads', async () => {
    const source = new Subject<number>();
    const readable = toNodeReadable(source);
    const items: number[] = [];
    readable.on('data', (item: number) => {
      items.push(item);
      if (item === 20_000) return;
      source.next(item + 1);
      readable.read();
    });
    await turn();
    source.next(1);
    expect(items).toStrictEqual(Array.from({ length: 20_000 }, (_, index) => index + 1));
    readable.destroy();
  });

  it('stops a source that emits endlessly within subscribe, when full or where it is destroyed', async () => {
    const emitted = [0, 0];
    const endless = (index: number): Observable<number> =>
      new Observable((subscriber) => {
        while (!subscriber.closed) {
          subscriber.next(++emitted[index]!);
          if (emitted[index] === 3 && index === 1) destroyed.destroy();
        }
      });
    const overflown = toNodeReadable(endless(0), { capacity: 5 });
    const destroyed: Readable = toNodeReadable(endless(1));
    destroyed.resume();
    expect((await read(overflown)).at(-1)).toBeInstanceOf(BufferOverflowError);
    await turn();
    // One for who asked, five that wait, one too many.
    expect(emitted).toStrictEqual([7, 3]);
  });
});

describe('the credit of a stream in toNodeReadable', () => {
  it('returns when the reader requests the next item, behind operators, too', async () => {
    const stream = new FakeStream();
    const iterator = toNodeReadable(stream.items.pipe(filter((value) => value > 1)))[Symbol.asyncIterator]();
    const first = iterator.next();
    await turn();
    stream.push(1, 2, 3, 4);
    expect((await first).value).toBe(2);
    await turn();
    expect(stream.released).toBe(1);
    expect((await iterator.next()).value).toBe(3);
    expect([stream.released, stream.events]).toStrictEqual([2, []]);
    await iterator.return!();
    await turn();
    expect([stream.released, stream.cancelled]).toStrictEqual([4, 1]);
  });

  it('returns at once for an empty item of a byte stream', async () => {
    const stream = new FakeStream();
    const bytes = stream.items.pipe(map((value) => new Uint8Array(value)));
    const iterator = toNodeReadable(bytes, { objectMode: false })[Symbol.asyncIterator]();
    const first = iterator.next();
    await turn();
    stream.push(0);
    expect(stream.released).toBe(1);
    stream.push(1);
    expect([(await first).value, stream.released]).toStrictEqual([Buffer.alloc(1), 1]);
    await iterator.return!();
  });

  it('does not return while the reader pauses', async () => {
    const stream = new FakeStream();
    const readable = toNodeReadable(stream.items);
    const items: unknown[] = [];
    readable.on('data', (item) => {
      items.push(item);
      readable.pause();
    });
    await turn();
    stream.push(1, 2, 3);
    await turn();
    expect(items).toStrictEqual([1]);
    expect(stream.released).toBeLessThanOrEqual(1);
    readable.resume();
    await turn();
    expect(items).toStrictEqual([1, 2]);
    expect(stream.released).toBeLessThanOrEqual(2);
    readable.destroy();
  });
});

describe('the buffer of toNodeReadable', () => {
  it('holds up to its capacity of items, and then fails and stops the source', async () => {
    const source = new Subject<number>();
    const readable = toNodeReadable(source, { capacity: 2 });
    const iterator = readable[Symbol.asyncIterator]();
    const first = iterator.next();
    await turn();
    for (const value of [1, 2, 3]) source.next(value);
    expect([(await first).value, source.observed]).toStrictEqual([1, true]);
    source.next(4);
    expect(source.observed).toBe(false);
    await expect(iterator.next()).rejects.toBeInstanceOf(BufferOverflowError);
  });

  it('is that of conflate where the source ends with it', async () => {
    const source = new Subject<number>();
    const iterator = toNodeReadable(source.pipe(conflate()))[Symbol.asyncIterator]();
    const first = iterator.next();
    await turn();
    for (const value of [1, 2, 3]) source.next(value);
    expect([(await first).value, (await iterator.next()).value]).toStrictEqual([1, 3]);
    await iterator.return!();
  });

  it('refuses an invalid capacity', () => {
    expect(() => toNodeReadable(NEVER, { capacity: 0 })).toThrow(
      'toNodeReadable: capacity must be a whole number of items, 1 or more; it is 0.',
    );
  });
});
