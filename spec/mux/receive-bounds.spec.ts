import { describe, expect, it } from '@jest/globals';
import { CancelledError } from '../../lib/errors.js';
import { decodeConnectError } from '../../lib/wire/payloads/control.js';
import type { Limits } from '../../lib/limits.js';
import { RunningHandlers } from '../../lib/mux/running-handlers.js';
import type { Frame } from '../../lib/wire/frame.js';
import { Op } from '../../lib/wire/ops.js';
import { linkEngines, loneEngine, nothing, type EngineEnd } from '../support/protocol/engines.js';
import { fromCaller, fromResponder } from '../support/protocol/frames.js';

/** Texts of the refusals that were sent. */
const refusals = ({ sink }: EngineEnd): string[] =>
  sink.frames.filter(({ op }) => op === Op.MuxConnectError).map(({ payload }) => decodeConnectError(payload));

const bytes = (length: number): Uint8Array => new Uint8Array(length);

describe('maxUnaryBytes on receipt', () => {
  const limits = { maxUnaryBytes: 100 };

  it('refuses a request, and the opening of a stream', () => {
    const end = loneEngine({ limits });
    const calls = end.serveUnary(1);
    const streams = end.serveStream(2, 0, 1);
    end.receive(fromCaller.request(1, { payload: bytes(101) }), fromCaller.connectMux(2, { payload: bytes(101) }));
    end.receive(fromCaller.request(3, { payload: bytes(100) }));
    end.sent();
    expect([calls.length, streams.length]).toStrictEqual([1, 0]);
    expect(refusals(end)).toStrictEqual([
      'The request has 101 bytes, and maxUnaryBytes of this host is 100: use a stream for payloads of this size.',
      'The request has 101 bytes, and maxUnaryBytes of this host is 100: send it in several items of the input.',
    ]);
  });

  it('fails a call whose response is larger', () => {
    const end = loneEngine({ limits });
    const call = end.request(1);
    end.receive(fromResponder.response(1, bytes(101)));
    expect([call.received, call.error?.message]).toStrictEqual([
      ['limit'],
      'the call: the other side sent a response of 101 bytes, and maxUnaryBytes of this side is 100. Send it in several items, or raise maxUnaryBytes here.',
    ]);
  });

  it('ends a stream with a larger item, in both directions', () => {
    const end = loneEngine({ limits });
    const stream = end.open(2);
    end.receive(fromResponder.ack(1), fromResponder.item(1, 1, bytes(101)));
    expect(stream.received).toStrictEqual(['ended: limit']);
    const [input] = end.serveStream(2, 4, 1);
    expect(input).toBe(undefined);
    const inputs = end.serveStream(3, 4, 1);
    end.receive(fromCaller.connectMux(9, { handler: 3 }), fromCaller.item(9, 1, bytes(101)));
    expect(inputs[0]!.received).toStrictEqual(['ended: protocol']);
    expect(inputs[0]!.error?.message).toContain('maxUnaryBytes');
  });

  it('truncates an error text, which has a bound of its own', () => {
    const end = loneEngine();
    const call = end.request(1);
    end.receive(fromResponder.responseError(1, 'x'.repeat(1 << 20)));
    expect(call.error?.message.length).toBe((32 << 10) + 1);
  });
});

describe('maxReceiveBytes', () => {
  const limits = { maxReceiveBytes: 1_000 };

  /** Two streams, of which the first one sends more than may be held. */
  const fill = () => {
    const { a, b, turn, advance } = linkEngines({ limits });
    const handlers = b.serveStream(2, 16, 1);
    const first = a.open(2, { inCapacity: 16 });
    const second = a.open(2, { inCapacity: 16 });
    turn();
    for (let item = 0; item < 15; item++) first.send('x'.repeat(100));
    return { b, second, handlers, turn, advance };
  };

  it('refuses calls while the payloads of running ones reach the bound', async () => {
    const end = loneEngine({ limits });
    const calls = end.serveUnary(1);
    for (let id = 1; id <= 3; id++) end.receive(fromCaller.request(id, { payload: bytes(600) }));
    end.sent();
    expect([calls.length, end.engine.account.bytes]).toStrictEqual([2, 1_200]);
    expect(refusals(end)).toStrictEqual([expect.stringContaining('maxReceiveBytes')]);
    calls[0]!.mux.respond(bytes(0));
    end.receive(fromCaller.request(4, { payload: bytes(600) }));
    expect(calls.length).toBe(3);
  });

  it('counts items until they are consumed, and then gives credit for one at a time', () => {
    const { b, second, handlers, turn, advance } = fill();
    turn();
    expect(b.engine.account.isFull).toBe(true);
    // The other stream uses up its credit, and gets one item's back for each one that is consumed.
    for (let item = 0; item < 16; item++) second.send('y');
    turn();
    handlers[1]!.release(15);
    advance(20);
    expect([second.mux.credit, handlers[1]!.mux.held]).toStrictEqual([0, 1]);
    handlers[1]!.release();
    advance(20);
    expect(second.mux.credit).toBe(1);
    second.send('y');
    turn();
    handlers[1]!.release();
    advance(20);
    expect(second.mux.credit).toBe(1);
    // There is room again: what is owed comes without a further release.
    handlers[0]!.release(15);
    advance(20);
    expect(second.mux.credit).toBeGreaterThanOrEqual(15);
    // Both streams are open, and nothing else is held for them.
    expect(b.leftovers).toStrictEqual({ ...nothing, incoming: 2, timers: 2 });
  });

  it('lets a stream wait for room once, however often it has received single credits', () => {
    const { second, handlers, turn, advance } = fill();
    for (let item = 0; item < 16; item++) second.send('y');
    turn();
    for (let item = 0; item < 16; item++) {
      handlers[1]!.release();
      advance(20);
    }
    const { mux } = handlers[1]!;
    let asked = 0;
    Object.defineProperty(mux, 'owesCredit', { get: () => ++asked > 0 });
    handlers[0]!.release(15);
    expect(asked).toBe(1);
  });

  it('forgets a stream that ends while it waits for room', () => {
    const { b, second, handlers, turn, advance } = fill();
    for (let item = 0; item < 16; item++) second.send('y');
    turn();
    handlers[1]!.release(16);
    advance(20);
    expect(b.leftovers.waitingStreams).toBe(1);
    second.mux.cancel(new CancelledError('The test cancels.'));
    turn();
    expect(b.engine.account.isFull).toBe(true);
    expect(b.leftovers.waitingStreams).toBe(0);
  });

  it('ends the stream that receives more than four times the bound', () => {
    const { a, b, turn } = linkEngines({ limits });
    const handlers = b.serveStream(2, 64, 1);
    const stream = a.open(2, { inCapacity: 64 });
    turn();
    for (let item = 0; item < 41; item++) stream.send('x'.repeat(100));
    turn();
    expect(handlers[0]!.error?.message).toContain('maxReceiveBytes');
    expect(b.engine.account.bytes).toBe(0);
  });
});

describe('maxOpenMuxes', () => {
  it('counts a call until its handler has ended', async () => {
    const end = loneEngine({ limits: { maxOpenMuxes: 2 } });
    let endHandler = (): void => undefined;
    const calls = end.serveUnary(1, (mux) => {
      const running = new Promise<void>((resolve) => (endHandler = resolve));
      mux.attach({ cancelled: () => undefined, running });
    });
    for (let id = 1; id <= 5; id++) end.receive(fromCaller.request(id), fromCaller.cancel(id));
    expect(calls.length).toBe(2);
    endHandler();
    await Promise.resolve();
    await Promise.resolve();
    end.receive(fromCaller.request(9));
    expect(calls.length).toBe(3);
  });
});

describe('handlers that keep running after their link has ended', () => {
  const setUp = (limits: Partial<Limits>) => {
    const unused: string[] = [];
    const running = new RunningHandlers(() => {
      if (unused.length === 0) unused.push('unused');
    });
    const ends: (() => void)[] = [];
    const connect = () => {
      const end = loneEngine({ limits, running });
      const calls = end.serveUnary(1, (mux) => {
        const until = new Promise<void>((resolve) => ends.push(resolve));
        mux.attach({ cancelled: () => undefined, running: until });
      });
      return { end, calls };
    };
    return { running, unused, ends, connect };
  };
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  };

  it('count towards maxOpenMuxes of later links, until they end', async () => {
    const { running, unused, ends, connect } = setUp({ maxOpenMuxes: 2 });
    let started = 0;
    for (let link = 0; link < 5; link++) {
      const { end, calls } = connect();
      for (let id = 1; id <= 3; id++) end.receive(fromCaller.request(id));
      end.sent();
      expect(refusals(end).length).toBe(link === 0 ? 1 : 3);
      end.engine.close();
      started += calls.length;
    }
    expect([started, running.count, unused]).toStrictEqual([2, 2, []]);
    ends[0]!();
    await settled();
    const { end, calls } = connect();
    for (let id = 1; id <= 3; id++) end.receive(fromCaller.request(id));
    expect([calls.length, running.count]).toStrictEqual([1, 1]);
    end.engine.close();
    for (const endHandler of ends) endHandler();
    await settled();
    expect([running.count, unused]).toStrictEqual([0, ['unused']]);
  });

  it('count towards maxReceiveBytes of later links, until they end', async () => {
    const { running, ends, connect } = setUp({ maxReceiveBytes: 1_000 });
    const first = connect();
    first.end.receive(fromCaller.request(1, { payload: bytes(1_000) }));
    first.end.engine.close();
    const { end, calls } = connect();
    const streams = end.serveStream(2, 16, 1);
    end.receive(fromCaller.request(1));
    end.sent();
    expect([calls.length, end.engine.account.bytes, refusals(end)]).toStrictEqual([
      0,
      1_000,
      [expect.stringContaining('maxReceiveBytes')],
    ]);
    ends[0]!();
    await settled();
    expect([running.bytes, end.engine.account.bytes]).toStrictEqual([0, 0]);
    end.receive(fromCaller.request(2), fromCaller.connectMux(3, { handler: 2 }));
    expect([calls.length, streams.length]).toStrictEqual([1, 1]);
  });

  it('make streams of the next link wait for room, which they get when the handlers end', async () => {
    const { running, connect } = setUp({ maxReceiveBytes: 1_000 });
    const { end } = connect();
    const streams = end.serveStream(2, 4, 1);
    end.receive(fromCaller.connectMux(1, { handler: 2 }));
    let endHandler = (): void => undefined;
    // Of a link before this one.
    running.add(1_000, new Promise<void>((resolve) => (endHandler = resolve)));
    end.receive(...[1, 2, 3, 4].map((seq) => fromCaller.item(1, seq, 'x')));
    end.sent();
    streams[0]!.release(4);
    end.runtime.advance(20);
    const before = end.sent();
    endHandler();
    await settled();
    end.runtime.advance(20);
    const after = end.sent();
    expect([before.length, after.length, streams[0]!.mux.owesCredit]).toStrictEqual([1, 1, false]);
  });
});

describe('maxCancelsPerSecond', () => {
  it('closes the connection with the reason when the budget is exceeded', () => {
    const end = loneEngine({ limits: { maxOpenMuxes: 10, maxCancelsPerSecond: 20 } });
    end.serveUnary(1);
    const cancel = (from: number, count: number): void => {
      for (let id = from; id < from + count; id++) end.receive(fromCaller.request(id), fromCaller.cancel(id));
    };
    cancel(1, 20);
    end.runtime.advance(1_000);
    cancel(21, 20);
    expect(end.faults).toStrictEqual([]);
    cancel(41, 1);
    expect(end.faults[0]!.message).toContain('maxCancelsPerSecond');
  });
});

describe('a stream whose caller has committed a fault', () => {
  it.each<[string, (id: number) => Frame]>([
    ['a gap', (id) => fromCaller.item(id, 7, 'x')],
    ['an item that is too large', (id) => fromCaller.item(id, 1, 'x'.repeat(101))],
  ])('counts as cancelled: %s', (_, fault) => {
    const end = loneEngine({ limits: { maxOpenMuxes: 10, maxCancelsPerSecond: 20, maxUnaryBytes: 100 } });
    const streams = end.serveStream(2, 1, 1);
    const open = (from: number, count: number): void => {
      for (let id = from; id < from + count; id++) end.receive(fromCaller.connectMux(id), fault(id));
    };
    open(1, 20);
    expect([end.faults, streams.length]).toStrictEqual([[], 20]);
    open(21, 1);
    expect(end.faults[0]!.message).toContain('maxCancelsPerSecond');
  });
});

describe('a handler that outlives its call', () => {
  it('ends with the Promise of its user, also where its `then` throws', async () => {
    const unused: string[] = [];
    const running = new RunningHandlers(() => {
      if (unused.length === 0) unused.push('unused');
    });
    const until = Object.assign(Promise.resolve(), {
      then: () => {
        throw new Error('boom');
      },
    });
    running.add(5, until);
    running.add(6, Promise.resolve());
    await new Promise(setImmediate);
    expect([running.count, running.bytes, unused]).toStrictEqual([0, 0, ['unused']]);
  });
});

describe('a call whose deadline has passed when it is read', () => {
  it('starts no handler', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1, () => {
      // Takes its time within the message.
      end.runtime.advance(100);
    });
    const streams = end.serveStream(2, 0, 1);
    end.receive(
      fromCaller.request(1, { deadlineMs: 1_000 }),
      fromCaller.request(2, { deadlineMs: 100 }),
      fromCaller.connectMux(3, { deadlineMs: 50 }),
      fromCaller.request(4, { deadlineMs: 101 }),
    );
    expect([calls.map(({ mux }) => mux.id), streams.length]).toStrictEqual([[1, 4], 0]);
    // The caller of a stream is told that it is gone; that of a call waits for nothing.
    expect(end.sent()).toContain('DisconnectClientMux 3');
  });
});
