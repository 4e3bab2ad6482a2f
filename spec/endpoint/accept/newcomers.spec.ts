import { describe, expect, it } from '@jest/globals';
import { Newcomers, type Newcomer } from '../../../lib/endpoint/accept/newcomers.js';

class Fake implements Newcomer {
  silent = true;
  dropped = false;
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }

  drop(): void {
    this.dropped = true;
  }
}

const fakes = (address: string, count: number): Fake[] => Array.from({ length: count }, () => new Fake(address));
const droppedOf = (list: readonly Fake[]): number[] => list.flatMap(({ dropped }, index) => (dropped ? [index] : []));

describe('Newcomers', () => {
  it('drops the oldest silent one for a new one', () => {
    const pool = new Newcomers<Fake>(3);
    const list = fakes('a', 5);
    list[0]!.silent = false;
    expect(list.map((each) => pool.add(each))).toStrictEqual([true, true, true, true, true]);
    expect(droppedOf(list)).toStrictEqual([1, 2]);
    expect([...pool]).toStrictEqual([list[0], list[3], list[4]]);
  });

  it('refuses new ones where none is silent, until one is removed', () => {
    const pool = new Newcomers<Fake>(2);
    const list = fakes('a', 2);
    for (const each of list) {
      each.silent = false;
      pool.add(each);
    }
    const next = new Fake('b');
    expect(pool.add(next)).toBe(false);
    pool.delete(next);
    pool.delete(list[0]!);
    pool.delete(list[0]!);
    expect(pool.add(next)).toBe(true);
    expect(pool.size).toBe(2);
  });

  it('drops one of the address with the most: an address with few keeps its share', () => {
    const pool = new Newcomers<Fake>(10);
    const [quiet, flood] = [fakes('quiet', 2), fakes('flood', 100)];
    for (const each of [...quiet, ...flood]) pool.add(each);
    expect(droppedOf(quiet)).toStrictEqual([]);
    expect(droppedOf(flood).length).toBe(92);
    const late = fakes('late', 8);
    for (const each of late) pool.add(each);
    expect(droppedOf(quiet)).toStrictEqual([]);
    // Equal shares of what is left: the late ones displace the flood until they are as many.
    expect([droppedOf(flood).length - 92, droppedOf(late).length]).toStrictEqual([4, 4]);
  });

  it('drops the oldest of all where every address has the same number', () => {
    const pool = new Newcomers<Fake>(3);
    const list = ['a', 'b', 'c', 'd', 'e'].map((address) => new Fake(address));
    for (const each of list) pool.add(each);
    expect(droppedOf(list)).toStrictEqual([0, 1]);
  });

  it('drops one of another address where the one with the most has no silent one', () => {
    const pool = new Newcomers<Fake>(4);
    const [busy, few] = [fakes('busy', 3), fakes('few', 1)];
    for (const each of [...busy, ...few]) {
      each.silent = each.address === 'few';
      pool.add(each);
    }
    expect(pool.add(new Fake('busy'))).toBe(true);
    expect([droppedOf(busy), droppedOf(few)]).toStrictEqual([[], [0]]);
  });
});
