import { afterEach, describe, expect, it } from '@jest/globals';
import { all, linkedPair, type Pair } from '../support/linked-managers.js';
import { type, unary } from '../../lib/index.js';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.grid.close();
});
const double = unary({ id: 1, name: 'double', request: type<number>(), response: type<number>() });
describe('a', () => {
  it('calls', async () => {
    pair = await linkedPair(({ b }) => b.handle(double, (n) => 2 * n));
    expect(await all(pair.ab.request(double, 21))).toStrictEqual([42]);
  });
});
