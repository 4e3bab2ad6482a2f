import { describe, expect, it, jest } from '@jest/globals';
import { config } from 'rxjs';
import { CancelledError, ConfigurationError } from '../../lib/index.js';
import type { Call } from '../../lib/contract/handler.js';
import { encodeCheckedMeta, onAbort, resolveOptions, type CallOptions } from '../../lib/contract/options.js';
import { encodeMeta } from '../../lib/wire/payloads/opening-extra.js';
import { ManualRuntime } from '../support/manual-runtime.js';

const now = 1_000;
/** The wall clock is so far ahead of the monotonic one. */
const wallOffset = 1_795_459_000_000;
const wallNow = (): number => now + wallOffset;
/** The date at which the monotonic clock shows `ms`. */
const dateOf = (ms: number): Date => new Date(ms + wallOffset);
const deadlineOf = (options: CallOptions | undefined, defaultTimeout = 60_000): number =>
  resolveOptions(options, now, wallNow, defaultTimeout).deadline;
const parent = (deadline: number | undefined): Call<unknown> =>
  ({
    signal: new AbortController().signal,
    deadline: deadline === undefined ? undefined : dateOf(deadline),
  }) as Call<unknown>;

describe('the deadline of a call', () => {
  it.each<[string, CallOptions | undefined, number]>([
    ['the default timeout where nothing is said', undefined, 61_000],
    ['the default timeout where only other things are said', { waitForConnect: true }, 61_000],
    ['its timeout', { timeout: 500 }, 1_500],
    ['none with an endless timeout', { timeout: Infinity }, Infinity],
    ['its deadline, without the default', { deadline: dateOf(100_000) }, 100_000],
    ['the earlier one of both', { timeout: 500, deadline: dateOf(100_000) }, 1_500],
    ['the earlier one of both, the other way', { timeout: 500, deadline: dateOf(1_200) }, 1_200],
    ['that of its parent', { parent: parent(5_000) }, 5_000],
    ['its own where that is earlier than its parent’s', { parent: parent(5_000), timeout: 100 }, 1_100],
    ['its parent’s where that is earlier than its own', { parent: parent(5_000), timeout: 9_000 }, 5_000],
    ['the default where its parent has none', { parent: parent(undefined) }, 61_000],
    ['the default where its parent’s is later', { parent: parent(100_000) }, 61_000],
    [
      'its own, later than the default, where its parent’s is later still',
      { parent: parent(200_000), timeout: 99_000 },
      100_000,
    ],
  ])('is %s', (_, options, expected) => {
    expect(deadlineOf(options)).toBe(expected);
  });

  it('is absent for a stream without one', () => {
    expect(deadlineOf(undefined, Infinity)).toBe(Infinity);
    expect(deadlineOf({}, Infinity)).toBe(Infinity);
  });
});

describe('invalid options', () => {
  it.each<[CallOptions, string]>([
    [{ timeout: 0 }, 'A call: timeout must be a number of ms above 0, or Infinity; it is 0.'],
    [{ timeout: -5 }, 'A call: timeout must be a number of ms above 0, or Infinity; it is -5.'],
    [{ timeout: Number.NaN }, 'A call: timeout must be a number of ms above 0, or Infinity; it is NaN.'],
    [{ deadline: new Date('never') }, 'A call: deadline must be a valid Date; it is an invalid Date.'],
    [{ timeout: '500' as never }, "A call: timeout must be a number of ms above 0, or Infinity; it is '500'."],
    [{ deadline: 5 as never }, 'A call: deadline must be a valid Date; it is 5.'],
    [{ tiemout: 500 } as never, 'A call has no option tiemout. Did you mean timeout?'],
    [{ signal: {} as never }, 'A call: signal must be an AbortSignal; it is an object.'],
    [{ signal: { addEventListener() {} } as never }, 'A call: signal must be an AbortSignal; it is an object.'],
    [{ parent: { signal: 5 } as never }, 'A call: the signal of its parent must be an AbortSignal; it is 5.'],
    [{ parent: 'me' as never }, "A call: parent must be the call that a handler was given; it is 'me'."],
    [500 as never, 'A call: the options must be an object; it is 500.'],
    [null as never, 'A call: the options must be an object; it is null.'],
    [{ waitForConnect: -1 }, 'A call: waitForConnect must be true or false, or a number of ms, 0 or more; it is -1.'],
    [
      { waitForConnect: Number.NaN },
      'A call: waitForConnect must be true or false, or a number of ms, 0 or more; it is NaN.',
    ],
  ])('%j: says what to pass', (options, message) => {
    expect(() => deadlineOf(options)).toThrow(new ConfigurationError(message));
  });
});

describe('the signals of a call', () => {
  it('are its own and that of its parent', () => {
    const { signal } = new AbortController();
    const of = parent(undefined);
    expect(resolveOptions({ signal, parent: of }, now, wallNow, 1).signals).toStrictEqual([signal, of.signal]);
    expect(resolveOptions({}, now, wallNow, 1).signals).toStrictEqual([]);
  });

  it('abort with the reason of the first that aborts, once', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const reasons: unknown[] = [];
    onAbort([first.signal, second.signal], new ManualRuntime(), (reason) => reasons.push(reason));
    second.abort('second');
    first.abort('first');
    expect(reasons).toStrictEqual(['second']);
  });

  it('report an already aborted one later, on a macrotask', () => {
    const runtime = new ManualRuntime();
    const reasons: unknown[] = [];
    onAbort([new AbortController().signal, AbortSignal.abort('long ago')], runtime, (reason) => reasons.push(reason));
    expect(reasons).toStrictEqual([]);
    runtime.advance(0);
    expect(reasons).toStrictEqual(['long ago']);
  });

  it('report nothing after the listener is removed', () => {
    const runtime = new ManualRuntime();
    const controller = new AbortController();
    const reasons: unknown[] = [];
    onAbort([controller.signal], runtime, (reason) => reasons.push(reason)).stop();
    onAbort([AbortSignal.abort()], runtime, (reason) => reasons.push(reason)).stop();
    controller.abort();
    runtime.advance(0);
    expect([reasons, runtime.scheduled]).toStrictEqual([[], 0]);
  });
});

describe('a custom signal', () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  const signalWith = (parts: PropertyDescriptorMap): AbortSignal =>
    Object.defineProperties({ aborted: false, addEventListener() {}, removeEventListener() {} }, parts) as never;

  it.each<[string, PropertyDescriptorMap]>([
    ['aborted', { aborted: { get: boom } }],
    ['addEventListener', { addEventListener: { value: boom } }],
    ['reason', { aborted: { value: true }, reason: { get: boom } }],
  ])('whose %s throws aborts the call with that error, on a macrotask', (_, parts) => {
    const runtime = new ManualRuntime();
    const reasons: unknown[] = [];
    const other = new AbortController();
    const watch = onAbort([other.signal, signalWith(parts)], runtime, (reason) => reasons.push(reason));
    expect([watch.aborted, reasons]).toStrictEqual([true, []]);
    runtime.advance(0);
    other.abort();
    expect(reasons).toStrictEqual([new Error('boom')]);
  });

  it('that gives no reason aborts the call with a CancelledError, and never with undefined', () => {
    const runtime = new ManualRuntime();
    const reasons: unknown[] = [];
    let abort = (): void => undefined;
    const later = signalWith({ addEventListener: { value: (_: string, listener: () => void) => (abort = listener) } });
    onAbort([signalWith({ aborted: { value: true } })], runtime, (reason) => reasons.push(reason));
    onAbort([later], runtime, (reason) => reasons.push(reason));
    runtime.advance(0);
    abort();
    expect(reasons).toStrictEqual([expect.any(CancelledError), expect.any(CancelledError)]);
  });

  it('that cannot be unsubscribed does not prevent the end of a call: the error is reported', () => {
    const reported: unknown[] = [];
    config.onUnhandledError = (error) => reported.push(error);
    jest.useFakeTimers();
    try {
      const { stop } = onAbort(
        [signalWith({ removeEventListener: { value: boom } })],
        new ManualRuntime(),
        () => undefined,
      );
      stop();
      jest.runAllTimers();
    } finally {
      jest.useRealTimers();
      config.onUnhandledError = null;
    }
    expect(reported).toStrictEqual([new Error('boom')]);
  });
});

describe('metadata with getters', () => {
  it('is read once: the checked values are sent', () => {
    let reads = 0;
    const meta = Object.defineProperty({}, 'tenant', { enumerable: true, get: () => (reads++ === 0 ? 'a' : 5) });
    const encoded = encodeCheckedMeta(meta, 100);
    expect([encoded, reads]).toStrictEqual([encodeMeta({ tenant: 'a' }), 1]);
  });
});
