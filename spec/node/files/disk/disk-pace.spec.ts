import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { DiskPace } from '../../../../lib/node/files/disk/disk-pace.js';

let clock: number;
let pace: DiskPace;

beforeEach(() => {
  clock = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => clock);
  pace = new DiskPace();
});

afterEach(() => {
  jest.restoreAllMocks();
});

const take = (ms: number): number => pace.measure(() => (clock += ms));

it('a disk counts as fast until an operation takes more than 10 ms', () => {
  expect(pace.takeQuick()).toBe(true);
  take(10);
  expect(pace.takeQuick()).toBe(true);
  take(11);
  expect(pace.takeQuick()).toBe(false);
});

it('after that 64 files use the thread pool, and then one is tried synchronously again', () => {
  take(20);
  const quick = Array.from({ length: 66 }, () => pace.takeQuick());
  expect(quick.indexOf(true)).toBe(64);
});

it('operations that fail slowly count, too, and their errors pass through', () => {
  expect(() =>
    pace.measure(() => {
      clock += 20;
      throw new Error('slow');
    }),
  ).toThrow('slow');
  expect(pace.takeQuick()).toBe(false);
});
