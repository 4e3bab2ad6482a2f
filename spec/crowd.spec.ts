import { describe, expect, it } from '@jest/globals';
import { Crowd } from './support/crowd.js';
import { linkedPair } from './support/linked-managers.js';

// The crowd of crowd.long.spec.ts, at a size that takes a moment.
const size = 500;

describe('500 unary calls and 500 streams at once, in each direction of one connection', () => {
  it('are all answered correctly', async () => {
    const crowd = new Crowd(2, size);
    const { grid, ab, ba } = await linkedPair(({ a, b }) => {
      crowd.serve(a);
      crowd.serve(b);
    });
    const right = { unary: size, duplex: size };
    expect(await Promise.all([crowd.callAll(ab), crowd.callAll(ba)])).toStrictEqual([right, right]);
    expect(crowd.entered).toBe(4 * size);
    await grid.close();
  });
});
