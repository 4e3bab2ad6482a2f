import { describe, expect, it } from '@jest/globals';
import { IdleLimit } from '../../../../lib/node/files/serve/idle-limit.js';
import { ManualRuntime } from '../../../support/manual-runtime.js';

function limit(waits = true) {
  const runtime = new ManualRuntime();
  const subject = { isWaiting: waits, expiries: 0 };
  const idle = new IdleLimit(runtime, 60_000, {
    waits: () => subject.isWaiting,
    expired: () => subject.expiries++,
  });
  return { runtime, subject, idle };
}

describe('the idle limit', () => {
  it('is reached once, after its time', () => {
    const { runtime, subject } = limit();
    runtime.advance(59_999);
    expect(subject.expiries).toBe(0);
    runtime.advance(1);
    expect([subject.expiries, runtime.scheduled]).toStrictEqual([1, 0]);
  });

  it('counts from the last item', () => {
    const { runtime, subject, idle } = limit();
    for (let count = 0; count < 5; count++) {
      runtime.advance(50_000);
      idle.received();
    }
    runtime.advance(59_999);
    expect(subject.expiries).toBe(0);
    runtime.advance(1);
    expect(subject.expiries).toBe(1);
  });

  it('does not count while nothing is expected', () => {
    const { runtime, subject } = limit(false);
    runtime.advance(600_000);
    subject.isWaiting = true;
    runtime.advance(59_999);
    expect(subject.expiries).toBe(0);
    runtime.advance(1);
    expect(subject.expiries).toBe(1);
  });

  it('leaves no timer when it is stopped', () => {
    const { runtime, subject, idle } = limit();
    idle.stop();
    runtime.advance(60_000);
    expect([subject.expiries, runtime.scheduled]).toStrictEqual([0, 0]);
  });
});
