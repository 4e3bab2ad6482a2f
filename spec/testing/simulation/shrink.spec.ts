import { describe, expect, it } from '@jest/globals';
import { shrink } from '../../../lib/testing/simulation/shrink.js';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const has = (...wanted: number[]) => {
  const tried: (readonly number[])[] = [];
  const fails = (part: readonly number[]): Promise<boolean> => {
    tried.push(part);
    return Promise.resolve(wanted.every((number) => part.includes(number)));
  };
  return { fails, tried };
};

describe('shrink', () => {
  it('finds the one step that matters', async () => {
    const { fails } = has(37);
    expect((await shrink(numbers(100), [], fails, 1_000)).smallest).toStrictEqual([37]);
  });

  it('finds several separate ones, in order', async () => {
    const { fails } = has(3, 50, 98);
    expect((await shrink(numbers(100), [], fails, 1_000)).smallest).toStrictEqual([3, 50, 98]);
  });

  it('may remove everything', async () => {
    expect((await shrink(numbers(10), [], () => Promise.resolve(true), 100)).smallest).toStrictEqual([]);
  });

  it('tries the given lists first', async () => {
    const { fails, tried } = has(2);
    await shrink(
      numbers(10),
      [
        [1, 2, 3],
        [1, 3],
        [2, 3],
      ],
      fails,
      100,
    );
    expect(tried.slice(0, 3)).toStrictEqual([
      [1, 2, 3],
      [1, 3],
      [2, 3],
    ]);
  });

  it('stops at its budget, with its best result', async () => {
    const { fails, tried } = has(0, 99);
    const { smallest, tries } = await shrink(numbers(100), [], fails, 7);
    expect(tries).toBe(7);
    expect(tried).toHaveLength(7);
    expect(smallest.length).toBeLessThan(100);
    expect(smallest).toStrictEqual(expect.arrayContaining([0, 99]));
  });

  it('keeps everything where everything is needed', async () => {
    const { fails } = has(...numbers(5));
    expect(await shrink(numbers(5), [], fails, 100)).toStrictEqual({ smallest: numbers(5), tries: expect.any(Number) });
  });
});
