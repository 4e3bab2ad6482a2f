import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ExplicitDelivery } from '../../lib/flow/explicit-delivery.js';
import type { GridEvent } from '../../lib/observe.js';

// With execution 'async' the collection runs as a task of its own: nothing on the stack keeps what should be garbage.
let collect: (options: { type: 'major'; execution: 'async' }) => Promise<void>;
beforeAll(() => {
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as typeof collect;
});

/**
 * Collects all garbage, and lets the finalizers run: they come in tasks of their own after a collection. A collection
 * of jest's heap takes 0.1 s and more where others load the machine, so there are few of them: a hundred took the time
 * of the whole test.
 */
async function collectGarbage(): Promise<void> {
  for (let count = 0; count < 2; count++) {
    await collect({ type: 'major', execution: 'async' });
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('an explicitly released delivery', () => {
  const make = (release: () => void, events: GridEvent[]): ExplicitDelivery<object> =>
    new ExplicitDelivery({}, release, { route: 'route', report: (event) => events.push(event) });

  it('is released once', () => {
    let released = 0;
    const delivery = make(() => released++, []);
    delivery.release();
    delivery.release();
    expect(released).toBe(1);
  });

  it('is reported when it is garbage-collected before its release, but not after', async () => {
    const events: GridEvent[] = [];
    const kept = make(() => undefined, events);
    // In a function, so that nothing on the stack refers to them.
    (() => {
      make(() => undefined, events);
      make(() => undefined, events).release();
    })();
    await collectGarbage();
    expect(events).toStrictEqual([{ type: 'unreleased-delivery', route: 'route' }]);
    kept.release();
  });
});
