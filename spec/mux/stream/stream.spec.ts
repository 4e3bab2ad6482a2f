import { describe, expect, it } from '@jest/globals';
import { CancelledError, type GridError } from '../../../lib/errors.js';
import type { CallerStream } from '../../../lib/mux/stream/caller-stream.js';
import type { ResponderStream } from '../../../lib/mux/stream/responder-stream.js';
import {
  cancelled,
  linkEngines,
  nothing,
  type EngineSetup,
  type StreamRecorder,
} from '../../support/protocol/engines.js';

/** What both ends of a stream do together. */

function linked(
  setup: EngineSetup & { inCapacity?: number; outCapacity?: number | { initial: number; max: number } } = {},
) {
  const { inCapacity = 4, outCapacity = 4 } = setup;
  const engines = linkEngines(setup);
  const streams = engines.b.serveStream(2, inCapacity, outCapacity);
  const caller = engines.a.open(2, { inCapacity, outCapacity });
  engines.turn();
  return { ...engines, caller, handler: streams[0]! };
}

/** Sends as many items as may leave, each with its number. */
function fill(
  stream: StreamRecorder<CallerStream | ResponderStream>,
  counter: { sent: number },
  most = Infinity,
): void {
  while (stream.mux.writable && counter.sent < most) stream.send(String(counter.sent++));
}

describe.each([
  { checksum: true, extensions: true },
  { checksum: false, extensions: false },
])('a stream %p', (setup) => {
  it('carries items, half-close and end', () => {
    const { a, b, caller, handler, turn, runtime } = linked(setup);
    caller.send('a', 'b');
    handler.send('x');
    caller.mux.halfClose();
    turn();
    handler.mux.complete();
    turn();
    expect([handler.received, caller.received]).toStrictEqual([
      ['a', 'b', 'input ended', 'ended'],
      ['x', 'ended'],
    ]);
    expect([a.leftovers, b.leftovers, runtime.scheduled]).toStrictEqual([nothing, nothing, 0]);
    expect([a.faults, b.faults]).toStrictEqual([[], []]);
  });

  it('never has more items in transit than the window, in either direction', () => {
    const { caller, handler, turn } = linked({ ...setup, inCapacity: 3, outCapacity: 3 });
    for (const [from, to] of [
      [caller, handler],
      [handler, caller],
    ] as const) {
      const counter = { sent: 0 };
      for (let released = 0; released < 50; released++) {
        fill(from, counter);
        turn();
        expect([to.mux.held, to.received.length]).toStrictEqual([3, counter.sent]);
        expect(counter.sent - released).toBeLessThanOrEqual(3);
        to.release();
        turn();
      }
      expect(to.received).toStrictEqual(Array.from({ length: counter.sent }, (_, index) => String(index)));
    }
  });

  it('ends at the other end when the caller cancels', () => {
    const { a, b, caller, handler, turn, runtime } = linked(setup);
    caller.mux.cancel(cancelled);
    turn();
    expect(handler.error).toStrictEqual(new CancelledError('The caller cancelled the stream.'));
    expect([caller.received, handler.received]).toStrictEqual([['ended: cancelled'], ['ended: cancelled']]);
    expect([a.leftovers, b.leftovers, runtime.scheduled]).toStrictEqual([nothing, nothing, 0]);
  });

  it('ends at both ends when its deadline passes; the caller uses its own clock', () => {
    const { a, b, turn, advance, runtime } = linkEngines(setup);
    const streams = b.serveStream(2, 0, 1);
    const caller = a.open(2, { timeout: 100.9 });
    turn();
    advance(101);
    expect([caller.received, streams[0]!.received]).toStrictEqual([['ended: deadline-exceeded'], ['ended: cancelled']]);
    expect([a.leftovers, b.leftovers, runtime.scheduled]).toStrictEqual([nothing, nothing, 0]);
  });

  it('lives indefinitely while both ends are there', () => {
    const { a, b, caller, handler, advance } = linked(setup);
    advance(3_600_000);
    expect([caller.received, handler.received, a.faults, b.faults]).toStrictEqual([[], [], [], []]);
  });

  it('ends at the responder when the caller falls silent, and vice versa', () => {
    const one = linked(setup);
    one.a.sink.onSend = undefined;
    one.advance(61_000);
    expect([one.caller.received, one.handler.received]).toStrictEqual([
      ['ended: disconnected'],
      ['ended: disconnected'],
    ]);
  });
});

describe('a window that may grow', () => {
  const window = { initial: 4, max: 256 };

  it('grows for a consumer that keeps up, but never beyond its maximum', () => {
    const { caller, handler, turn } = linked({ outCapacity: window });
    caller.autoRelease = true;
    const counter = { sent: 0 };
    let most = 0;
    for (let round = 0; round < 40; round++) {
      const before = counter.sent;
      fill(handler, counter);
      most = Math.max(most, counter.sent - before);
      expect(handler.mux.credit).toBe(0);
      turn();
      expect(handler.mux.credit).toBeLessThanOrEqual(256);
    }
    expect([most, caller.received.length]).toStrictEqual([256, counter.sent]);
  });

  it('shrinks for a consumer that falls behind, and few items wait in the end', () => {
    const { caller, handler, turn } = linked({ outCapacity: window });
    caller.autoRelease = true;
    const counter = { sent: 0 };
    for (let round = 0; round < 20; round++) {
      fill(handler, counter);
      turn();
    }
    caller.autoRelease = false;
    for (let round = 0; round < 2000; round++) {
      fill(handler, counter);
      turn();
      caller.release();
      turn();
    }
    expect(caller.mux.held).toBeLessThanOrEqual(4);
    expect(caller.received).toStrictEqual(Array.from({ length: counter.sent }, (_, index) => String(index)));
  });
});

it('reports why a stream ended, at both ends of a fault', () => {
  const { caller, handler, turn } = linked({ inCapacity: 1 });
  caller.send('a', 'b');
  turn();
  const errors: (GridError | undefined)[] = [caller.error, handler.error];
  expect(errors.map((error) => [error?.code, error?.message])).toStrictEqual([
    ['remote', 'handler blocked'],
    ['protocol', 'handler: handler blocked'],
  ]);
});

it('waits for room where only the socket blocks it', () => {
  const { a, caller, handler, turn } = linked({ inCapacity: 100 });
  a.sink.bufferedBytes = 1 << 20;
  a.request(9);
  turn();
  expect(caller.mux.writable).toBe(false);
  const before = caller.writables;
  a.sink.bufferedBytes = 0;
  a.engine.drained();
  expect([caller.writables - before, caller.mux.writable]).toStrictEqual([1, true]);
  // Once ended, it hears nothing of room.
  a.sink.bufferedBytes = 1 << 20;
  a.request(9);
  turn();
  expect(caller.mux.writable).toBe(false);
  handler.mux.fail('boom');
  turn();
  a.sink.bufferedBytes = 0;
  a.engine.drained();
  expect([caller.received, caller.writables - before]).toStrictEqual([['ended: remote'], 1]);
});
