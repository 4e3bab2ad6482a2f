import { expect, test } from '@jest/globals';
import { filter, map, timer, switchMap, retry } from 'rxjs';
import { DisconnectedError, sharedSecret, type ConnectionState } from '../../../lib/index.js';
import {
  anError,
  connectRequest,
  connectResponse,
  fromCaller,
  gridTest,
  like,
  ping,
  pong,
  request,
  response,
} from '../../../lib/testing/index.js';
import { add, count } from './routes.js';

/*
 * The connection between two hosts: handshake, pings, loss and return (protocol, sections 4 and 5).
 */

const latency = 5;
const statuses = map(({ status }: ConnectionState) => status);

test('handshake: a dials b, which its name decides; then both ping to learn the round-trip time', () =>
  gridTest(async ({ cluster, expectFrames }) => {
    const grid = cluster({ hosts: 2, latency });
    const wire = grid.cable('a', 'b');
    // The WebSocket takes a round trip to open.
    expectFrames(wire, { control: true }).toBe('10ms h 4ms (yp) 1ms (qs) 1ms t', {
      h: connectRequest(like({ host: 'http://a', token: 'test' })).from('a'),
      y: connectResponse(like({ accepted: true })).from('b'),
      p: ping().from('b'),
      q: ping().from('a'),
      s: pong().from('a'),
      t: pong().from('b'),
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
      auth: { sign: () => 'forged', verify: () => Promise.reject(new Error('no')) },
    });
    expectFrames(grid.cable('a', 'b'), { control: true }).toBe('10ms h 4ms n 4ms #', {
      h: connectRequest(),
      n: connectResponse(like({ accepted: false, rejectedReason: 'no' })),
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
    expect(reasons).toEqual(['the clocks differ by 360 s, and 300 s are allowed: synchronise them']);
  }));

test('keepalive: a ping every 10 s in both directions', () =>
  gridTest(({ link, expectFrames }) => {
    const wire = link({ latency: 20 });
    expectFrames(wire, { control: true, from: 'a' }).toBe('i 19ms o 9979ms i 19ms o 9979ms i 19ms o', {
      i: ping().with({ muxId: 0, deadlineMs: 10_000, seq: 0 }),
      o: pong(),
    });
  }));

test('a half-open line: nobody is told, and the keepalive finds out', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency });
    await grid.connected();
    faults.halfOpen(grid.cable('a', 'b'), { at: '1s x' });
    // The last pong came 10 ms after the start; two intervals later the connection is dropped. It is dialed again at
    // once, since the last attempt began long ago: two round trips.
    expectObservable(grid.host('a').connection('b').state$.pipe(statuses), '^ 30s !').toBe('c 20009ms l 19ms c', {
      c: 'connected',
      l: 'connecting',
    });
  }));

test('a cut: calls in flight fail; the next attempt begins a second after the last one, and a random share of one more', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency, limits: { dialJitter: 0 } });
    grid.host('b').handle(count, () => timer(0, 100));
    await grid.connected();
    const b = grid.host('a').connection('b');
    faults.cut(grid.cable('a', 'b'), { at: '250ms x' });
    expectObservable(b.stream(count, 0)).toBe(
      '10ms a 99ms b 99ms c 39ms #',
      { a: 0, b: 1, c: 2 },
      anError(DisconnectedError, { sent: true, host: 'http://b', retryable: true }),
    );
    // Here without the random share. The last attempt began 20 ms before the diagram, and this one takes 20 ms.
    expectObservable(
      timer(300).pipe(
        switchMap(() => b.state$),
        filter(({ status }) => status === 'connected'),
        map(({ connects }) => connects),
      ),
      '^ 3s !',
    ).toBe('1s n', { n: 2 });
  }));

test('back-off: calls fail at once while the host is down, and go through when it is back', () =>
  gridTest(async ({ cluster, faults, expectObservable, advance }) => {
    const grid = cluster({ hosts: 2, latency });
    grid.host('b').handle(add, ([first = 0]) => first);
    await grid.connected();
    const b = grid.host('a').connection('b');
    faults.restart(grid.host('b'), { for: 10_000 });
    await advance('5s');
    expect(b).toBeDefined();
    expectObservable(b.request(add, [1])).toBe('#', undefined, anError(DisconnectedError, { sent: false }));
    await advance('10s');
    expectObservable(b.request(add, [1])).toBe('10ms (r|)', { r: 1 });
  }));

test('retry across a restart: `reconnected` tells when', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency, limits: { dialJitter: 0 } });
    grid.host('b').handle(add, ([first = 0]) => timer(50).pipe(map(() => first)));
    await grid.connected();
    faults.restart(grid.host('b'), { at: 20, for: 500 });
    const b = grid.host('a').connection('b');
    const call = b.request(add, [7]).pipe(retry({ delay: (error: DisconnectedError<never>) => error.reconnected }));
    expectObservable(call).toBe('1060ms (r|)', { r: 7 });
  }));

test('a partition: what was sent waits, and arrives when the network heals', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency });
    grid.host('b').handle(add, ([first = 0]) => first);
    await grid.connected();
    faults.partition([grid.host('a')], [grid.host('b')], { for: 3_000 });
    expectObservable(grid.host('a').connection('b').request(add, [1])).toBe('3010ms (r|)', { r: 1 });
  }));

test('a corrupted message breaks the connection: framing is lost', () =>
  gridTest(async ({ cluster, faults, expectFrames, expectObservable }) => {
    const grid = cluster({ hosts: 2, latency });
    grid.host('b').handle(add, ([first = 0]) => first);
    await grid.connected();
    faults.corrupt(grid.cable('a', 'b'), { from: 'a' });
    expectFrames(grid.cable('a', 'b')).toBe('r----#', { r: request(add) });
    expectObservable(grid.host('a').connection('b').request(add, [1])).toBe(
      '10ms #',
      undefined,
      anError(DisconnectedError),
    );
  }));

test('a message that comes twice is a stray the second time', () =>
  gridTest(async ({ link, faults, expectFrames, expectObservable, settle }) => {
    const wire = link({ latency });
    wire.b.handle(add, ([first = 0]) => first);
    await settle();
    faults.duplicate(wire, { from: 'b' });
    expectFrames(wire).toBe('r----p', { r: request(add), p: response(add) });
    expectObservable(wire.a.request(add, [1])).toBe('10ms (r|)', { r: 1 });
  }));

test('an op that the protocol does not know is ignored', () =>
  gridTest(async ({ link, expectObservable, settle }) => {
    const wire = link({ latency });
    wire.b.handle(add, ([first = 0]) => first);
    await settle();
    wire.cable.inject('a', { ...fromCaller.cancel(1), op: 77 });
    expectObservable(wire.a.request(add, [1])).toBe('10ms (r|)', { r: 1 });
  }));
