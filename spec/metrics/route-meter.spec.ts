import { describe, expect, it, test } from '@jest/globals';
import { CancelledError, DisconnectedError } from '../../lib/errors.js';
import { maxErrorCodes } from '../../lib/bounds.js';
import { outcomeOf } from '../../lib/metrics/outcome.js';
import { RouteMeter, RouteMeters } from '../../lib/metrics/route-meter.js';

const route = { name: 'get', kind: 'unary' } as const;

describe('RouteMeter', () => {
  it('accounts for each call: in flight, cancelled, failed or answered', () => {
    const meter = new RouteMeter(route, 'caller');
    for (let call = 0; call < 5; call++) meter.begin(10);
    meter.response(3);
    meter.end(1, 'ok');
    meter.end(2, { code: 'disconnected' });
    meter.end(2, { code: 'disconnected' });
    meter.end(9, 'cancelled');
    const { calls, inFlight, cancelled, errors, durations, bytesOut, bytesIn } = meter.counts;
    expect({ calls, inFlight, cancelled, errors }).toStrictEqual({
      calls: 5,
      inFlight: 1,
      cancelled: 1,
      errors: { disconnected: 2 },
    });
    expect({ bytesOut, bytesIn }).toStrictEqual({ bytesOut: 50, bytesIn: 3 });
    // One that was given up says nothing about how long the route takes.
    expect(durations).toMatchObject({ count: 3, sum: 5 });
  });

  it('swaps the byte directions for a handler', () => {
    const meter = new RouteMeter(route, 'handler');
    meter.begin(10);
    meter.response(3);
    expect(meter.counts).toMatchObject({ bytesIn: 10, bytesOut: 3 });
  });

  it('bounds the error codes, which the other side may choose, and keeps them printable', () => {
    const meter = new RouteMeter(route, 'caller');
    for (let call = 0; call < maxErrorCodes + 10; call++) meter.end(0, { code: `code-${call}` });
    meter.end(0, { code: 'code-1' });
    const { errors } = meter.counts;
    expect(Object.keys(errors)).toHaveLength(maxErrorCodes + 1);
    expect(errors).toMatchObject({ 'code-1': 2, other: 10 });
    const hostile = new RouteMeter(route, 'caller');
    hostile.end(0, { code: `\u001b[2J${'x'.repeat(10_000)}` });
    hostile.end(0, { code: '__proto__' });
    const [first, second] = Object.keys(hostile.counts.errors);
    expect(first).toMatch(/^\\u001b\[2Jx+…$/);
    expect(first!.length).toBeLessThan(80);
    // msgpack refuses such a key.
    expect(second).toBe('other');
  });
});

describe('RouteMeters', () => {
  it('has one meter per route and side', () => {
    const meters = new RouteMeters();
    expect(meters.of(route, 'caller')).toBe(meters.of({ ...route }, 'caller'));
    expect(meters.of(route, 'handler')).not.toBe(meters.of(route, 'caller'));
    expect(meters.of({ ...route, kind: 'duplex' }, 'caller')).not.toBe(meters.of(route, 'caller'));
    expect(meters.all).toHaveLength(3);
  });

  it('counts routes beyond its bound together: names may be data of a program', () => {
    const meters = new RouteMeters(2);
    meters.of({ name: 'a', kind: 'unary' }, 'caller');
    meters.of({ name: 'b', kind: 'unary' }, 'caller');
    const other = meters.of({ name: 'c', kind: 'unary' }, 'caller');
    expect(other.route.name).toBe('(other routes)');
    expect(meters.of({ name: 'd', kind: 'unary' }, 'caller')).toBe(other);
    expect(meters.all).toHaveLength(3);
  });
});

test.each<[string, unknown, unknown]>([
  ['no error', undefined, 'ok'],
  ['a cancel', new CancelledError('x'), 'cancelled'],
  [
    'an error with a code',
    new DisconnectedError('x', { sent: true, host: 'h', reconnected: 0 }),
    { code: 'disconnected' },
  ],
  ['an error of the system', Object.assign(new Error('x'), { code: 'ENOENT' }), { code: 'ENOENT' }],
  ['an error without one', new Error('x'), { code: 'unknown' }],
  ['a text', 'x', { code: 'unknown' }],
  ['null', null, { code: 'unknown' }],
  [
    'what throws',
    new Proxy(
      {},
      {
        get() {
          throw new Error('no');
        },
        getPrototypeOf() {
          throw new Error('no');
        },
      },
    ),
    { code: 'unknown' },
  ],
])('the outcome of %s', (_, error, outcome) => {
  expect(outcomeOf(error)).toStrictEqual(outcome);
});
