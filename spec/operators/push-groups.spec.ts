import { afterEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, Subject, take, toArray } from 'rxjs';
import { ConfigurationError } from '../../lib/errors.js';
import { duplex } from '../../lib/contract/contract.js';
import { type } from '../../lib/codec/codec.js';
import { consume } from '../../lib/operators/consume.js';
import { PushGroups } from '../../lib/operators/push-groups.js';
import { toAsyncIterable } from '../../lib/operators/to-async-iterable.js';
import { freePort, RealGrid } from '../support/real-grid.js';

interface Notice {
  readonly about: string;
  readonly text: number;
}
const grid = new RealGrid();
afterEach(() => grid.close());

/** What a member takes that has not asked for anything until now. */
async function takeAll<T>(items: AsyncIterator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) taken.push((await items.next()).value as T);
  return taken;
}

describe('PushGroups', () => {
  it('pushes to the members of a group, and counts them', () => {
    const groups = new PushGroups<number>();
    const [ops, both]: number[][] = [[], []];
    const first = groups.join('ops').subscribe((value) => ops!.push(value));
    groups.join('ops', 'sales', 'ops').subscribe((value) => both!.push(value));
    expect([groups.push('ops', 1), groups.push('sales', 2), groups.push('nobody', 3)]).toStrictEqual([2, 1, 0]);
    expect([ops, both]).toStrictEqual([[1], [1, 2]]);
    first.unsubscribe();
    expect([groups.size('ops'), groups.size('nobody'), groups.groups]).toStrictEqual([1, 0, ['ops', 'sales']]);
    groups.complete();
    expect(groups.groups).toStrictEqual([]);
  });

  it('keeps the newest value of each group for a member that is not ready', async () => {
    const groups = new PushGroups<string>();
    const items = toAsyncIterable(groups.join('a', 'b'))[Symbol.asyncIterator]();
    const first = items.next();
    groups.push('a', 'a1');
    expect((await first).value).toBe('a1');
    for (const value of ['a2', 'a3', 'a4']) groups.push('a', value);
    groups.push('b', 'b1');
    expect(await takeAll(items, 2)).toStrictEqual(['a4', 'b1']);
    await items.return?.();
    expect(groups.groups).toStrictEqual([]);
  });

  it('keeps the newest value of each key, at most maxKeys of them', async () => {
    const drops = new Subject<{ value: Notice }>();
    const dropped: number[] = [];
    drops.subscribe(({ value }) => dropped.push(value.text));
    const groups = new PushGroups<Notice>({ key: ({ about }, group) => `${group}/${about}`, maxKeys: 2, drops });
    const items = toAsyncIterable(groups.join('a'))[Symbol.asyncIterator]();
    const first = items.next();
    groups.push('a', { about: 'x', text: 0 });
    await first;
    groups.push('a', { about: 'x', text: 1 });
    groups.push('a', { about: 'y', text: 2 });
    groups.push('a', { about: 'x', text: 3 });
    groups.push('a', { about: 'z', text: 4 });
    expect((await takeAll(items, 2)).map(({ text }) => text)).toStrictEqual([2, 4]);
    expect(dropped).toStrictEqual([1, 3]);
  });

  it('lets a member leave, join and push while it receives a value', () => {
    const groups = new PushGroups<number>();
    const got: number[] = [];
    const leaving = groups.join('a').subscribe((value) => {
      got.push(value);
      leaving.unsubscribe();
      if (value === 1) groups.push('a', 2);
    });
    groups.join('a').subscribe((value) => got.push(value * 10));
    groups.push('a', 1);
    expect(got).toStrictEqual([1, 20, 10]);
  });

  it('completes members that join after the completion', async () => {
    const groups = new PushGroups<number>();
    groups.complete();
    expect(await firstValueFrom(groups.join('a').pipe(toArray()))).toStrictEqual([]);
  });

  it('refuses invalid options, and throws an error of key at the pusher', () => {
    expect(() => new PushGroups({ maxKeys: 0 })).toThrow(ConfigurationError);
    expect(() => new PushGroups().join()).toThrow(/names of one or more groups/);
    expect(() => new PushGroups().join(7 as never)).toThrow(ConfigurationError);
    const groups = new PushGroups<number>({
      key: () => {
        throw new Error('no key');
      },
    });
    const got: number[] = [];
    groups.join('a').subscribe((value) => got.push(value));
    expect(() => groups.push('a', 1)).toThrow('no key');
    expect(got).toStrictEqual([]);
  });

  it('gives a slow leaf the newest value, buffers one for it, and delays no other leaf', async () => {
    const watch = duplex({ name: 'watch', request: type<string>(), output: type<number>(), outCapacity: 4 });
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, [], {
      leaves: { authenticate: (token) => token },
    });
    const groups = new PushGroups<number>();
    manager.handle(watch, (group) => groups.join(group));
    await manager.listen({ address: '127.0.0.1' });
    const [slow, quick] = ['slow', 'quick'].map((token) => grid.leaf(manager.local, { token }).leaf);
    const last = 1_000;
    const go = new Subject<void>();
    const bySlow = firstValueFrom(
      slow!.stream(watch, 'load').pipe(
        consume(async (value) => {
          if (value === 1) await firstValueFrom(go);
          return value;
        }),
        take(5),
        toArray(),
      ),
    );
    const byQuick = new Subject<number>();
    quick!.stream(watch, 'load').subscribe(byQuick);
    while (groups.size('load') < 2) await new Promise((resolve) => setImmediate(resolve));
    for (let value = 1; value <= last; value++) {
      const arrived = firstValueFrom(byQuick.pipe(filter((each) => each === value)));
      groups.push('load', value);
      // The quick one has each value, while the slow one has taken the first.
      await arrived;
    }
    go.next();
    // What was on its way when its credit was used up, and the newest.
    expect(await bySlow).toStrictEqual([1, 2, 3, 4, last]);
  });
});
