import { beforeEach, describe, expect, it } from '@jest/globals';
import { Throttle } from '../../../lib/cli/copy/throttle.js';
import { ManualRuntime } from '../../support/manual-runtime.js';

let runtime: ManualRuntime;
let throttle: Throttle;

beforeEach(() => {
  runtime = new ManualRuntime();
  throttle = new Throttle(1_000_000, runtime);
});

describe('a rate of 1 MB/s', () => {
  it('lets bytes through until more have been taken than the time allows', () => {
    expect(throttle.ready()).toBe(true);
    throttle.taken(500_000);
    expect(throttle.ready()).toBe(false);
    runtime.advance(499);
    expect(throttle.ready()).toBe(false);
    runtime.advance(1);
    expect(throttle.ready()).toBe(true);
  });

  it('makes up for a pause of 250 ms at most', () => {
    runtime.advance(10_000);
    throttle.taken(250_000);
    expect(throttle.ready()).toBe(true);
    throttle.taken(1_000);
    expect(throttle.ready()).toBe(false);
  });

  it('wakes all watchers when bytes may be taken again', () => {
    let woken = 0;
    throttle.taken(100_000);
    const stops = [throttle.watch(() => woken++), throttle.watch(() => woken++)];
    expect(throttle.ready()).toBe(false);
    runtime.advance(100);
    expect(woken).toBe(2);
    for (const stop of stops) stop();
  });

  it('has no timer without watchers', () => {
    throttle.taken(100_000);
    const stop = throttle.watch(() => undefined);
    expect(throttle.ready()).toBe(false);
    expect(runtime.scheduled).toBe(1);
    stop();
    expect(runtime.scheduled).toBe(0);
  });

  it('a wait ends when its signal aborts', async () => {
    throttle.taken(1_000_000_000);
    const abort = new AbortController();
    const waited = throttle.wait(abort.signal);
    abort.abort();
    await waited;
    expect(runtime.scheduled).toBe(0);
  });
});
