import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ExplicitDelivery } from '../../lib/flow/explicit-delivery.js';
import type { GridEvent } from '../../lib/observe.js';

let collect: () => void;
beforeAll(() => {
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as () => void;
});

/** Collects garbage until `done`, or for so many turns of the event loop. */
async function collectUntil(done: () => boolean, turns = 100): Promise<void> {
  for (let count = 0; count < turns && !done(); count++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a delivery that is released by hand', () => {
  const make = (release: () => void, events: GridEvent[]): ExplicitDelivery<object> =>
    new ExplicitDelivery({}, release, { route: 'route', report: (event) => events.push(event) });

  it('is released once', () => {
    let released = 0;
    const delivery = make(() => released++, []);
    delivery.release();
    delivery.release();
    expect(released).toBe(1);
  });

  it('is reported when it is garbage before it is released, and when it is released not', async () => {
    const events: GridEvent[] = [];
    const kept = make(() => undefined, events);
    // In a function, so that nothing on the stack refers to them.
    (() => {
      make(() => undefined, events);
      make(() => undefined, events).release();
    })();
    await collectUntil(() => events.length > 0);
    await collectUntil(() => false, 5);
    expect(events).toStrictEqual([{ type: 'unreleased-delivery', route: 'route' }]);
    kept.release();
  });
});
