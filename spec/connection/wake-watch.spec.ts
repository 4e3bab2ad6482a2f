import { describe, expect, it } from '@jest/globals';
import { WakeWatch } from '../../lib/connection/wake-watch.js';
import { ManualRuntime } from '../support/manual-runtime.js';

describe('WakeWatch', () => {
  it('reports when more wall time than monotonic time has passed', () => {
    const runtime = new ManualRuntime();
    const start = runtime.now();
    const woken: number[] = [];
    const stop = WakeWatch.of(runtime).listen(() => woken.push(runtime.now() - start));
    runtime.advance(10_000);
    expect(woken).toStrictEqual([]);
    runtime.wallOffset += 3_600_000;
    runtime.advance(10_000);
    expect(woken).toStrictEqual([11_000]);
    stop();
  });

  it.each([-3_600_000, -1, 1_500])('does not mistake a wall clock adjusted by %i ms for a sleep', (ms) => {
    const runtime = new ManualRuntime();
    const woken: string[] = [];
    const stop = WakeWatch.of(runtime).listen(() => woken.push('woken'));
    runtime.wallOffset += ms;
    runtime.advance(10_000);
    expect(woken).toStrictEqual([]);
    stop();
  });

  it('does not call a listener that another one has removed', () => {
    const runtime = new ManualRuntime();
    const woken: string[] = [];
    const stops: (() => void)[] = [];
    stops.push(
      WakeWatch.of(runtime).listen(() => {
        woken.push('first');
        stops[1]!();
      }),
      WakeWatch.of(runtime).listen(() => woken.push('second')),
    );
    runtime.wallOffset += 60_000;
    runtime.advance(1_000);
    expect(woken).toStrictEqual(['first']);
    stops[0]!();
  });

  it('has one timer for all listeners, and none without listeners', () => {
    const runtime = new ManualRuntime();
    const woken: string[] = [];
    const stops = ['first', 'second'].map((name) => WakeWatch.of(runtime).listen(() => woken.push(name)));
    expect(runtime.scheduled).toBe(1);
    stops[0]!();
    runtime.wallOffset += 60_000;
    runtime.advance(1_000);
    expect(woken).toStrictEqual(['second']);
    stops[1]!();
    expect(runtime.scheduled).toBe(0);
    // It begins anew: what passed while nobody listened was no sleep.
    runtime.wallOffset += 60_000;
    const stop = WakeWatch.of(runtime).listen(() => woken.push('third'));
    runtime.advance(5_000);
    expect(woken).toStrictEqual(['second']);
    stop();
  });
});
