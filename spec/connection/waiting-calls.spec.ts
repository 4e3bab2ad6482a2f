import { describe, expect, it } from '@jest/globals';
import { WaitingCalls, type WaitingCall } from '../../lib/connection/waiting-calls.js';
import { DeadlineExceededError, DisconnectedError, LimitError, type GridError } from '../../lib/errors.js';
import { defaultLimits, type Limits } from '../../lib/limits.js';
import { ManualRuntime } from '../support/manual-runtime.js';

function scene(limits: Partial<Limits> = {}, cause?: Error) {
  const runtime = new ManualRuntime();
  const log: string[] = [];
  const errors: GridError[] = [];
  const disconnected = (): GridError =>
    new DisconnectedError('There is no connection.', { sent: false, host: 'http://b', reconnected: undefined, cause });
  const waiting = new WaitingCalls('http://b', runtime, { ...defaultLimits, ...limits }, disconnected);
  const call = (route: string, bytes = 0, timeout = Infinity): WaitingCall => ({
    route,
    bytes,
    deadline: runtime.now() + timeout,
    wait: undefined,
    start: () => log.push(`${route} started`),
    fail: (error) => {
      log.push(`${route} failed`);
      errors.push(error);
    },
  });
  return { runtime, waiting, call, log, errors };
}

const start = ({ start: run }: WaitingCall): void => {
  run(undefined as never);
};

describe('waiting calls', () => {
  it('are bounded in number', () => {
    const { runtime, waiting, call, log, errors } = scene({ maxWaitingCalls: 2 });
    for (const route of ['a', 'b', 'c']) waiting.add(call(route), true);
    expect([waiting.size, log]).toStrictEqual([2, []]);
    runtime.advance(0);
    expect(log).toStrictEqual(['c failed']);
    expect(errors[0]).toBeInstanceOf(LimitError);
    expect(errors[0]).toMatchObject({
      limit: 'maxWaitingCalls',
      message: 'c: 2 calls wait for a connection to http://b. Call later, or raise maxWaitingCalls.',
    });
  });

  it('are bounded in bytes, except for a single one', () => {
    const { runtime, waiting, call, log, errors } = scene({ maxWaitingBytes: 100 });
    const takeBack = waiting.add(call('large', 500), true);
    waiting.add(call('small', 1), true);
    runtime.advance(0);
    expect([log, waiting.bytes]).toStrictEqual([['small failed'], 500]);
    expect(errors[0]).toMatchObject({ code: 'limit', limit: 'maxWaitingBytes' });
    takeBack();
    takeBack();
    expect(waiting.bytes).toBe(0);
    waiting.add(call('first', 60), true);
    waiting.add(call('second', 40), true);
    waiting.add(call('third', 1), true);
    runtime.advance(0);
    expect([log.at(-1), waiting.bytes, waiting.size]).toStrictEqual(['third failed', 100, 2]);
  });

  it('free their place when they start, fail, or have waited long enough', () => {
    const { runtime, waiting, call, log } = scene();
    waiting.add(call('patient', 1), 50);
    waiting.add(call('short', 1, 20), true);
    waiting.add(call('never', 1), true)();
    runtime.advance(50);
    expect([log, waiting.size, waiting.bytes]).toStrictEqual([['short failed', 'patient failed'], 0, 0]);
    waiting.add(call('failed', 1), true);
    waiting.fail(
      () => new LimitError('x', 'x'),
      () => true,
    );
    runtime.advance(0);
    waiting.add(call('started', 1), true);
    waiting.startAll(start, () => true);
    expect(log.slice(2)).toStrictEqual(['failed failed', 'started started']);
    expect([waiting.size, waiting.bytes, runtime.scheduled]).toStrictEqual([0, 0, 0]);
  });

  it('start in order, as long as there is a link', () => {
    const { waiting, call, log } = scene();
    for (const route of ['a', 'b', 'c']) waiting.add(call(route), true);
    waiting.startAll(start, () => log.length < 2);
    expect([log, waiting.size]).toStrictEqual([['a started', 'b started'], 1]);
  });

  it('wait longer than a timer can, by repeated waits', () => {
    const { runtime, waiting, call, log } = scene();
    const wait = 2 ** 31 + 1_000;
    waiting.add(call('a'), wait);
    runtime.advance(wait - 1);
    expect(log).toStrictEqual([]);
    runtime.advance(1);
    expect(log).toStrictEqual(['a failed']);
  });

  it('report why there is no connection when their deadline passes', () => {
    const cause = new Error('Dialing failed: ECONNREFUSED.');
    const { runtime, waiting, call, errors } = scene({}, cause);
    waiting.add(call('a', 0, 10), true);
    runtime.advance(10);
    expect(errors[0]).toBeInstanceOf(DeadlineExceededError);
    expect(errors[0]!.cause).toBe(cause);
    expect(errors[0]!.message).toBe(
      'The deadline of a passed while there was no connection to http://b (Dialing failed: ECONNREFUSED).',
    );
    const without = scene();
    without.waiting.add(without.call('a', 0, 10), true);
    without.runtime.advance(10);
    expect(without.errors[0]!.message).toBe('The deadline of a passed while there was no connection to http://b.');
  });
});
