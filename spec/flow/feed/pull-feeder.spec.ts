import { expect, it } from '@jest/globals';
import { Subject } from 'rxjs';
import type { Pull } from '../../../lib/flow/pull/pull.js';
import { PullFeeder } from '../../../lib/flow/feed/pull-feeder.js';
import { bufferBounded } from '../../../lib/operators/buffer-bounded.js';
import { FakeOutlet } from '../../support/streams/outlet.js';

it('a pull fed to a stream gets the credit of an item back when it was sent, or cannot be encoded', () => {
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

const torn = new Error('torn');

it('reports the failure of a source that is stopped while items before the failure are queued', () => {
  const outlet = new FakeOutlet(1);
  const late: unknown[] = [];
  Object.assign(outlet, { onLateFailure: (error: unknown) => late.push(error) });
  const source = new Subject<number>();
  const feeder = outlet.feed(source.pipe(bufferBounded({ capacity: 8, overflow: 'error' })));
  for (const item of [1, 2, 3]) source.next(item);
  source.error(torn);
  feeder.stop();
  feeder.stop();
  expect([outlet.log, late]).toStrictEqual([[1], [torn]]);
});

it('reports no failure of a source that is stopped before it fails, or after its failure was passed on', () => {
  const late: unknown[] = [];
  const [early, done] = [new FakeOutlet(0), new FakeOutlet(1)];
  for (const outlet of [early, done]) Object.assign(outlet, { onLateFailure: (error: unknown) => late.push(error) });
  const source = new Subject<number>();
  const feeders = [early, done].map((outlet) =>
    outlet.feed(source.pipe(bufferBounded({ capacity: 8, overflow: 'error' }))),
  );
  source.next(1);
  feeders[0]!.stop();
  source.error(torn);
  feeders[1]!.stop();
  expect([early.log, done.log, late]).toStrictEqual([[], [1, torn], []]);
});
