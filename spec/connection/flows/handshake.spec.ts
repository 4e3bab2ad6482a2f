import { expect, test } from '@jest/globals';
import { map } from 'rxjs';
import { RejectedError, sharedSecret, type ConnectionState } from '../../../lib/index.js';
import { frames, gridTest, like } from '../../../lib/testing/index.js';
import { add } from './routes.js';

/*
 * How two hosts become connected (protocol, section 4). One character is 1 ms; the line takes 5 ms a way.
 */

const latency = 5;
const statuses = map(({ status }: ConnectionState) => status);

test('handshake: a dials b, which follows from its name; then both ping to measure the round-trip time', () =>
  gridTest(async ({ cluster, expectFrames }) => {
    const grid = cluster({ hosts: 2, latency });
    const wire = grid.cable('a', 'b');
    // The WebSocket takes a round trip to open.
    expectFrames(wire, { control: true }).toBe('10ms h 4ms (yp) 1ms (qs) 1ms t', {
      h: frames.connectRequest(like({ host: 'http://a', token: 'test' })).from('a'),
      y: frames.connectResponse(like({ accepted: true })).from('b'),
      p: frames.ping().from('b'),
      q: frames.ping().from('a'),
      s: frames.pong().from('a'),
      t: frames.pong().from('b'),
    });
    await grid.start();
  }));

test('calls wait for the handshake', () =>
  gridTest(async ({ cluster, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency });
    grid.host('b').handle(add, ([first = 0]) => first);
    await grid.start();
    // A round trip for the socket, one for the handshake, one for the call.
    expectObservable(grid.host('a').connection('b').request(add, [1])).toBe('30ms (r|)', { r: 1 });
  }));

test('a wrong token is rejected, with the reason', () =>
  gridTest(async ({ cluster, expectFrames, expectObservable }) => {
    const grid = cluster({
      hosts: 2,
      latency,
      auth: { sign: () => 'forged', verify: () => Promise.reject(new RejectedError('a guess', 'no')) },
    });
    expectFrames(grid.cable('a', 'b'), { control: true }).toBe('10ms h 4ms n 4ms #', {
      h: frames.connectRequest(),
      n: frames.connectResponse(like({ accepted: false, rejectedReason: 'no' })),
    });
    await grid.start();
    expectObservable(grid.host('a').connection('b').state$.pipe(statuses), '^ 1s !').toBe('c 19ms b', {
      c: 'connecting',
      b: 'back-off',
    });
  }));

test('a shared secret: real cryptography, no virtual time', () =>
  gridTest(async ({ cluster, clock }) => {
    const grid = cluster({ hosts: 3, latency, auth: sharedSecret('0123456789abcdef0123456789abcdef') });
    await grid.connected();
    expect(clock.elapsed).toBe(4 * latency);
  }));

test('clocks that are wrong by more than five minutes do not connect', () =>
  gridTest(async ({ cluster, advance }) => {
    const grid = cluster({ hosts: 2, skew: { a: 6 * 60_000 } });
    const reasons: string[] = [];
    grid.host('b').manager.events$.subscribe((event) => {
      if (event.type === 'rejected') reasons.push(event.reason);
    });
    await grid.start();
    await advance('1s');
    expect(reasons).toStrictEqual(['the clocks differ by 360 s, and 300 s are allowed: synchronise them']);
  }));
