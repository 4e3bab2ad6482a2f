import { test } from '@jest/globals';
import { map, NEVER } from 'rxjs';
import type { ConnectionState } from '../../../lib/index.js';
import { frames, gridTest } from '../../../lib/testing/index.js';
import { count } from './routes.js';

/*
 * How a host that says nothing is found out (protocol, section 5).
 */

const latency = 5;
const statuses = map(({ status }: ConnectionState) => status);

test('keepalive: a ping every 10 s in both directions', () =>
  gridTest(({ link, expectFrames }) => {
    const wire = link({ latency: 20 });
    expectFrames(wire, { control: true, from: 'a' }).toBe('i 19ms o 9979ms i 19ms o 9979ms i 19ms o', {
      i: frames.ping().with({ muxId: 0, deadlineMs: 10_000, seq: 0 }),
      o: frames.pong(),
    });
  }));

test('a half-open connection: no side is notified, and the keepalive detects it', () =>
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

test('a stream: its caller pings every 15 s, as a frame of its sequence', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.b.handle(count, () => NEVER);
    expectFrames(wire, { from: 'a' }).toBe('o 14999ms i 14999ms j 1000ms c', {
      o: frames.open(count).with({ seq: 0 }),
      i: frames.ping().with({ muxId: 1, seq: 1 }),
      j: frames.ping().with({ muxId: 1, seq: 2 }),
      c: frames.cancel(),
    });
    expectFrames(wire, { from: 'b' }).toBe('5ms k 14999ms p 14999ms p 1000ms g', {
      k: frames.ack(),
      p: frames.pong().with({ muxId: 1 }),
      g: frames.gone(),
    });
    expectObservable(wire.a.stream(count, 0), '^ 31s !').toBe('-');
  }));
