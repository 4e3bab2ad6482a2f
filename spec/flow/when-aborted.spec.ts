import { getEventListeners } from 'node:events';
import { afterEach, expect, it } from '@jest/globals';
import { config, firstValueFrom, range, mergeMap, Subject } from 'rxjs';
import { whenAborted } from '../../lib/flow/when-aborted.js';
import { takeUntilAborted, type, unary } from '../../lib/index.js';
import { gridTest } from '../../lib/testing/index.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

afterEach(() => {
  config.onUnhandledError = null;
});

it('adds one listener to a signal for all callbacks, and removes it when the last has stopped', () => {
  const { signal } = new AbortController();
  const stops = Array.from({ length: 20 }, () => whenAborted(signal, () => undefined));
  expect(listeners(signal)).toBe(1);
  for (const stop of stops) {
    stop();
    stop();
  }
  expect(listeners(signal)).toBe(0);
  whenAborted(signal, () => undefined);
  expect(listeners(signal)).toBe(1);
});

it('calls all in order, except one that another has stopped', () => {
  const abort = new AbortController();
  const calls: string[] = [];
  const add = (name: string): (() => void) => whenAborted(abort.signal, () => calls.push(name));
  add('first');
  whenAborted(abort.signal, () => stop());
  const stop = add('stopped');
  add('last');
  abort.abort();
  expect([calls, listeners(abort.signal)]).toStrictEqual([['first', 'last'], 0]);
});

it('calls the others where one throws, and leaves its error to rxjs', async () => {
  const abort = new AbortController();
  const calls: string[] = [];
  const unhandled = new Promise((resolve) => (config.onUnhandledError = resolve));
  whenAborted(abort.signal, () => {
    throw new Error('of a finalizer');
  });
  whenAborted(abort.signal, () => calls.push('last'));
  abort.abort();
  expect(calls).toStrictEqual(['last']);
  expect(await unhandled).toStrictEqual(new Error('of a finalizer'));
});

it('counts calls and operators on one signal, and nested calls of one parent, as one', () =>
  gridTest(async ({ link, advance }) => {
    const echo = unary({ id: 1, name: 'echo', request: type<number>(), response: type<number>() });
    const sum = unary({ id: 2, name: 'sum', request: type<number>(), response: type<number>() });
    const { a, b } = link();
    const never = new Subject<number>();
    let most = 0;
    b.handle(echo, () => never);
    b.handle(sum, (count, call) => {
      const calls = range(0, count).pipe(mergeMap((item) => b.request(echo, item, { parent: call })));
      const subscription = calls.subscribe({ error: () => undefined });
      most = Math.max(most, listeners(call.signal));
      subscription.unsubscribe();
      return most;
    });
    expect(await Promise.all([firstValueFrom(a.request(sum, 20)), advance('1s')])).toStrictEqual([1, undefined]);
    const abort = new AbortController();
    const errors: unknown[] = [];
    for (let index = 0; index < 20; index++) {
      a.request(echo, index, { signal: abort.signal }).subscribe({ error: (error: unknown) => errors.push(error) });
      never.pipe(takeUntilAborted(abort.signal)).subscribe({ error: (error: unknown) => errors.push(error) });
    }
    expect(listeners(abort.signal)).toBe(1);
    abort.abort('enough');
    expect(errors).toStrictEqual(Array(40).fill('enough'));
  }));
