import { describe, expect, it } from '@jest/globals';
import { stallTolerantTimer } from '../../../lib/connection/dialing/stall-tolerant-timer.js';
import type { Runtime } from '../../../lib/runtime.js';
import { ManualRuntime } from '../../support/manual-runtime.js';

describe('a timer that tolerates stalls', () => {
  it('fires after its time where the event loop turns', () => {
    const runtime = new ManualRuntime();
    let ended = 0;
    stallTolerantTimer(runtime, () => ended++, 2_000);
    runtime.advance(1_999);
    expect(ended).toBe(0);
    runtime.advance(1);
    expect(ended).toBe(1);
    expect(runtime.scheduled).toBe(0);
  });

  it('can be cancelled at any time', () => {
    const runtime = new ManualRuntime();
    const fail = (): void => {
      throw new Error('cancelled');
    };
    for (const at of [0, 600, 1_900]) {
      const cancel = stallTolerantTimer(runtime, fail, 2_000);
      runtime.advance(at);
      cancel();
      expect(runtime.scheduled).toBe(0);
    }
    runtime.advance(10_000);
  });

  it('does not fire in the turn after the event loop was blocked, however long that was', () => {
    const timers: (() => void)[] = [];
    const runtime = {
      schedule: (task: () => void) => {
        timers.push(task);
        return () => undefined;
      },
    } as unknown as Runtime;
    let ended = 0;
    stallTolerantTimer(runtime, () => ended++, 2_000);
    // Each turn runs all timers that are due, and all are: the loop is always late.
    const turns = [1, 2, 3, 4].map(() => {
      for (const task of timers.splice(0)) task();
      return ended;
    });
    expect(turns).toStrictEqual([0, 0, 0, 1]);
    expect(timers).toStrictEqual([]);
  });
});
