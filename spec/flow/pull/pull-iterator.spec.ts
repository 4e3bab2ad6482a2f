import { describe, expect, it } from '@jest/globals';
import { EMPTY, Observable, Subject, throwError } from 'rxjs';
import { GuardedObservable } from '../../../lib/flow/guarded-observable.js';
import { PullIterator } from '../../../lib/flow/pull/pull-iterator.js';
import { openReader } from '../../../lib/flow/pull/reader-pull.js';
import { redeliver } from '../../../lib/flow/redeliver.js';
import { FakeStream } from '../../support/streams/fake-stream.js';

interface Setup {
  readonly iterator: PullIterator<number>;
  readonly source: Subject<number>;
  /** Items whose credit has returned, in order. */
  readonly released: number[];
  give(...values: number[]): void;
}

const iterate = (source: Observable<number>): PullIterator<number> => new PullIterator(openReader(source, 'the test'));

function setup(): Setup {
  const source = new Subject<number>();
  const released: number[] = [];
  return {
    source,
    iterator: iterate(source),
    released,
    give: (...values) => {
      for (const value of values) redeliver(source, source, value, () => released.push(value));
    },
  };
}

const item = (value: number): IteratorResult<number, void> => ({ done: false, value });
const end: IteratorResult<number, void> = { done: true, value: undefined };

describe('an iterator over a pull', () => {
  it('subscribes at the first next, and not before', () => {
    const { iterator, source } = setup();
    expect(source.observed).toBe(false);
    void iterator.next();
    expect(source.observed).toBe(true);
  });

  it('releases an item when the next one is asked for', async () => {
    const { iterator, released, give } = setup();
    const first = iterator.next();
    give(1, 2);
    expect([await first, released]).toStrictEqual([item(1), []]);
    expect(await iterator.next()).toStrictEqual(item(2));
    expect(released).toStrictEqual([1]);
    void iterator.next();
    expect(released).toStrictEqual([1, 2]);
  });

  it('answers concurrent calls of next in order, then with the end', async () => {
    const { iterator, source, released, give } = setup();
    const asked = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    give(1, 2);
    source.complete();
    expect(await Promise.all(asked)).toStrictEqual([item(1), item(2), end, end]);
    expect(released).toStrictEqual([1, 2]);
    expect(await iterator.next()).toStrictEqual(end);
  });

  it('releases an item at once where the next one is already requested: a window of 1 has no other credit', async () => {
    const stream = new FakeStream();
    const iterator = stream.items[Symbol.asyncIterator]();
    const asked = [iterator.next(), iterator.next()];
    stream.push(1);
    expect([await asked[0], stream.released]).toStrictEqual([item(1), 1]);
    stream.push(2);
    expect([await asked[1], stream.released]).toStrictEqual([item(2), 1]);
    await iterator.return();
  });

  it('yields the items before the end', async () => {
    const { iterator, source, give } = setup();
    const first = iterator.next();
    give(1, 2);
    source.complete();
    expect(await first).toStrictEqual(item(1));
    expect(await iterator.next()).toStrictEqual(item(2));
    expect(await iterator.next()).toStrictEqual(end);
  });

  it('yields the items before the error, and the error once', async () => {
    const { iterator, source, released, give } = setup();
    const first = iterator.next();
    give(1, 2);
    source.error(new Error('of the stream'));
    expect(await first).toStrictEqual(item(1));
    expect(await iterator.next()).toStrictEqual(item(2));
    await expect(iterator.next()).rejects.toThrow('of the stream');
    expect(await iterator.next()).toStrictEqual(end);
    expect(released).toStrictEqual([1, 2]);
  });

  it('rejects the first of several pending calls with the error', async () => {
    const { iterator, source } = setup();
    const asked = [iterator.next(), iterator.next()];
    source.error(new Error('of the stream'));
    await expect(asked[0]).rejects.toThrow('of the stream');
    expect(await asked[1]).toStrictEqual(end);
  });

  it('ends where the source ends at once', async () => {
    expect(await iterate(EMPTY).next()).toStrictEqual(end);
    await expect(iterate(throwError(() => new Error('at once'))).next()).rejects.toThrow('at once');
  });

  it('unsubscribes and releases everything when the loop is left', async () => {
    const { iterator, source, released, give } = setup();
    const loop = (async () => {
      for await (const value of iterator) if (value === 1) break;
    })();
    give(1, 2, 3);
    await loop;
    expect([source.observed, released]).toStrictEqual([false, [1, 2, 3]]);
    expect(await iterator.next()).toStrictEqual(end);
    expect(source.observed).toBe(false);
  });

  it('unsubscribes when the loop throws', async () => {
    const { iterator, source, released, give } = setup();
    const loop = (async () => {
      for await (const value of iterator) throw new Error(`at ${String(value)}`);
    })();
    give(1);
    await expect(loop).rejects.toThrow('at 1');
    expect([source.observed, released]).toStrictEqual([false, [1]]);
  });

  it('answers pending calls when it is returned', async () => {
    const { iterator, source } = setup();
    const asked = iterator.next();
    expect(await iterator.return()).toStrictEqual(end);
    expect(await asked).toStrictEqual(end);
    expect(source.observed).toBe(false);
  });

  it('rejects with the error thrown into it, and stops', async () => {
    const { iterator, source, released, give } = setup();
    void iterator.next();
    give(1);
    await expect(iterator.throw(new Error('thrown in'))).rejects.toThrow('thrown in');
    expect([source.observed, released]).toStrictEqual([false, [1]]);
    expect(await iterator.next()).toStrictEqual(end);
  });

  it('never subscribes when it is returned before its start', async () => {
    let subscriptions = 0;
    const iterator = iterate(
      new Observable(() => {
        subscriptions++;
      }),
    );
    await iterator[Symbol.asyncDispose]();
    expect([await iterator.next(), subscriptions]).toStrictEqual([end, 0]);
  });

  it('rejects where the subscription is refused', async () => {
    const refusing = new GuardedObservable<number>(
      () => () => undefined,
      () => {
        throw new Error('taken');
      },
    );
    const iterator = iterate(refusing);
    await expect(iterator.next()).rejects.toThrow('taken');
    expect(await iterator.next()).toStrictEqual(end);
  });
});
