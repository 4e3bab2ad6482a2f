import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SizeQueue } from '../../../lib/mux/stream/size-queue.js';
import { runs } from '../../support/property-runs.js';

it('is a queue of numbers that knows their sum', () => {
  const step = fc.oneof(
    fc.record({ push: fc.constantFrom(0, 1, 7) }),
    fc.constant({ shift: true as const }),
    fc.record({ drop: fc.nat(5) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queue = new SizeQueue();
      const model: number[] = [];
      for (const what of steps) {
        if ('push' in what) {
          queue.push(what.push);
          model.push(what.push);
        } else if ('shift' in what) {
          expect(queue.shift()).toBe(model.shift() ?? 0);
        } else {
          queue.drop(what.drop);
          model.splice(0, what.drop);
        }
        expect([queue.count, queue.bytes]).toStrictEqual([model.length, model.reduce((sum, size) => sum + size, 0)]);
      }
    }),
    { numRuns: runs(100) },
  );
});
