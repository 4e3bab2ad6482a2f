import { expect, it } from '@jest/globals';
import type { Pull } from '../../lib/flow/pull.js';
import { PullFeeder } from '../../lib/flow/pull-feeder.js';
import { FakeOutlet } from '../support/outlet.js';

it('a pull that is fed to a stream gets the credit of an item back when that has gone out, or cannot be encoded', () => {
  const released: number[] = [];
  const waiting = [1, -1];
  const pull: Pull<number> = {
    open: () => undefined,
    take: () => {
      const value = waiting.shift();
      return value === undefined ? undefined : { value, release: () => released.push(value) };
    },
    end: undefined,
    stop: () => released.push(0),
  };
  const outlet = new FakeOutlet(0);
  const feeder = new PullFeeder(pull, outlet);
  outlet.give(2);
  expect(released).toStrictEqual([]);
  feeder.resume();
  expect([released, outlet.log]).toStrictEqual([
    [1, -1, 0],
    [1, new RangeError('not encodable')],
  ]);
});
