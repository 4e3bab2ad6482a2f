import { test } from '@jest/globals';
import { NEVER } from 'rxjs';
import { DeadlineExceededError } from '../../../lib/index.js';
import { anError, frames, gridTest } from '../../../lib/testing/index.js';
import { add, count } from './routes.js';

/*
 * How a call ends that takes too long (protocol, sections 6 and 7). The line takes 3 ms a way.
 */

const latency = 3;

test('deadline: each side ends the call by its own clock, and sends nothing more', () =>
  gridTest(({ link, expectFrames, expectObservable, expectSubscriptions, cold, time }) => {
    const wire = link({ latency });
    const forever = cold<number>('-');
    wire.b.handle(add, () => forever);
    expectFrames(wire).toBe('r 200ms', { r: frames.request(add).with({ deadlineMs: 100 }) });
    expectObservable(wire.a.request(add, [], { timeout: time('100ms') })).toBe(
      '100ms #',
      undefined,
      anError(DeadlineExceededError),
    );
    // The responder's timer has 50 ms more, so that the caller's own error comes first.
    expectSubscriptions(forever.subscriptions).toBe('---^ 149ms !');
  }));

test('without a timeout a call has 60 s', () =>
  gridTest(({ link, expectObservable }) => {
    const wire = link();
    wire.b.handle(add, () => NEVER);
    expectObservable(wire.a.request(add, [])).toBe('60s #', undefined, anError(DeadlineExceededError));
  }));

test('a stream has a deadline only where one is given; its caller cancels it then', () =>
  gridTest(({ link, expectObservable, expectSubscriptions, cold }) => {
    const wire = link({ latency });
    const endless = cold<number>('-', {});
    wire.b.handle(count, () => endless);
    expectObservable(wire.a.stream(count, 0, { timeout: 100 })).toBe(
      '100ms #',
      undefined,
      anError(DeadlineExceededError),
    );
    expectSubscriptions(endless.subscriptions).toBe('---^ 99ms !');
  }));

test('a nested call ends with the deadline of the outer one', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.a.handle(add, () => NEVER);
    wire.b.handle(add, (numbers, call) => wire.b.request(add, numbers, { parent: call }));
    expectFrames(wire).toBe('r--q 99ms p', {
      r: frames.request(add).from('a').with({ deadlineMs: 100 }),
      // Only the time that is left travels, so clocks need not agree: the way takes nothing of it.
      q: frames.request(add).from('b').with({ deadlineMs: 100 }),
      // Too late: a has given up 3 ms before.
      p: frames.responseError().from('b'),
    });
    expectObservable(wire.a.request(add, [], { timeout: 100 })).toBe(
      '100ms #',
      undefined,
      anError(DeadlineExceededError),
    );
  }));
