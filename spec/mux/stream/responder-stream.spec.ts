import { describe, expect, it } from '@jest/globals';
import { defaultWindow } from '../../../lib/limits.js';
import type { CreditWindow } from '../../../lib/limits.js';
import { decodeConnectError } from '../../../lib/wire/payloads/control.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { decodeAck } from '../../../lib/wire/payloads/window-payloads.js';
import { loneEngine, nothing, textOf, type EngineSetup } from '../../support/protocol/engines.js';
import { frameOf, fromCaller, type FrameFields } from '../../support/protocol/frames.js';

interface Options extends EngineSetup {
  readonly inCapacity?: number | CreditWindow;
  readonly outCapacity?: number | CreditWindow;
  readonly connect?: FrameFields;
}

/** A stream on handler 2 that the test has opened; its AckMux has left. */
function opened({ inCapacity = 0, outCapacity = 4, connect = {}, ...setup }: Options = {}) {
  const end = loneEngine(setup);
  const streams = end.serveStream(2, inCapacity, outCapacity);
  end.receive(fromCaller.connectMux(1, connect));
  end.sent();
  return { end, stream: streams[0]! };
}

describe('opening', () => {
  it('is acknowledged, with the windows of both directions where that was announced', () => {
    const end = loneEngine();
    const payloads: string[] = [];
    end.serveStream(2, 7, 1, (_, payload) => payloads.push(textOf(payload)));
    end.receive(fromCaller.connectMux(1, { payload: 'hello' }));
    expect(payloads).toStrictEqual(['hello']);
    end.sent();
    const ack = { in: 7, inBytes: defaultWindow.maxBytes, out: 1, outBytes: defaultWindow.maxBytes };
    expect(decodeAck(end.sink.frames[0]!.payload)).toStrictEqual(ack);
    const plain = loneEngine({ extensions: false });
    plain.serveStream(2, 7, 1);
    plain.receive(fromCaller.connectMux(1));
    expect(plain.sent()).toStrictEqual(['AckMux 1']);
  });

  it('is acknowledged before anything that the handler sends at once', () => {
    const end = loneEngine({ extensions: false });
    end.serveStream(2, 0, 2, (stream) => {
      stream.send('a');
      stream.mux.complete();
    });
    end.receive(fromCaller.connectMux(1));
    expect(end.sent()).toStrictEqual([
      'AckMux 1',
      'MuxServerMsg 1 #1 "a"',
      'MuxServerMsg 1 #2 Eof',
      'DisconnectClientMux 1',
    ]);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
  });

  it('is refused where it is Stateless', () => {
    const end = loneEngine();
    const streams = end.serveStream(2, 0, 1);
    end.receive(fromCaller.connectMux(1, { flags: Flag.Stateless | Flag.Eof }));
    expect(end.sent()[0]).toMatch(/^MuxConnectError 1 handler 2 Eof Stateless </);
    expect(decodeConnectError(end.sink.frames[0]!.payload)).toBe('Stateless streams not supported');
    expect([streams, end.leftovers]).toStrictEqual([[], nothing]);
  });

  it('is ignored the second time', () => {
    const { end, stream } = opened();
    end.receive(fromCaller.connectMux(1), fromCaller.request(1));
    expect([end.sent(), end.engine.open.incoming, stream.received]).toStrictEqual([[], 1, []]);
  });

  it('with Eof completes the input of a route with input', () => {
    const { end, stream } = opened({ inCapacity: 2, connect: { flags: Flag.Eof } });
    expect(stream.received).toStrictEqual(['input ended']);
    end.receive(fromCaller.item(1, 1, 'a'));
    expect(stream.received).toStrictEqual(['input ended', 'ended: protocol']);
    expect(end.sent()).toStrictEqual([
      'MuxServerMsg 1 #1 Eof PayloadIsErr "did not expect inbound message"',
      'DisconnectClientMux 1',
    ]);
  });

  it('with Eof notifies no handler that has already ended', () => {
    const end = loneEngine();
    const streams = end.serveStream(2, 2, 2, (stream) => {
      stream.mux.complete();
    });
    end.receive(fromCaller.connectMux(1, { flags: Flag.Eof }));
    expect(streams[0]!.received).toStrictEqual(['ended']);
  });

  it('with Eof is treated as usual for a route without input', () => {
    const { stream } = opened({ connect: { flags: Flag.Eof } });
    expect(stream.received).toStrictEqual([]);
  });
});

describe('input', () => {
  it('arrives in order, also in the opening message, and each credit is returned on release', () => {
    const end = loneEngine({ extensions: false });
    const streams = end.serveStream(2, 2, 1);
    end.receive(fromCaller.connectMux(1), fromCaller.item(1, 1, 'a'), fromCaller.item(1, 2, 'b'));
    expect(streams[0]!.received).toStrictEqual(['a', 'b']);
    expect(end.sent()).toStrictEqual(['AckMux 1']);
    streams[0]!.release();
    expect(end.sent()).toStrictEqual(['UnblockClMux 1 #1']);
    end.receive(fromCaller.item(1, 3, 'c'), fromCaller.halfClose(1, 4));
    expect(streams[0]!.received).toStrictEqual(['a', 'b', 'c', 'input ended']);
    // The caller has sent its last item: credit is of no use to it.
    streams[0]!.release(2);
    expect([end.sent(), streams[0]!.mux.held]).toStrictEqual([[], 0]);
  });

  it('beyond the window ends the stream', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    end.receive(fromCaller.item(1, 1, 'a'), fromCaller.item(1, 2, 'b'), fromCaller.item(1, 3, 'c'));
    expect(stream.received).toStrictEqual(['a', 'ended: protocol']);
    expect(end.sent()).toStrictEqual([
      'MuxServerMsg 1 #1 Eof PayloadIsErr "handler blocked"',
      'DisconnectClientMux 1',
      // The answer to 'c', which came for a stream that had ended.
      'DisconnectClientMux 1',
    ]);
    expect(end.leftovers).toStrictEqual(nothing);
  });

  it('may be half-closed without credit', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    end.receive(fromCaller.item(1, 1, 'a'), fromCaller.halfClose(1, 2));
    expect([stream.received, end.sent()]).toStrictEqual([['a', 'input ended'], []]);
  });

  it('ignores the payload of a half-close', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    end.receive(frameOf(Op.MuxClientMsg, 1, { seq: 1, flags: Flag.Eof, payload: 'dropped' }));
    expect(stream.received).toStrictEqual(['input ended']);
  });

  it.each([
    ['an item after a half-close', 2, [fromCaller.halfClose(1, 1), fromCaller.item(1, 2, 'x')]],
    ['a second half-close', 2, [fromCaller.halfClose(1, 1), fromCaller.halfClose(1, 2)]],
    ['an item on a route without input', 0, [fromCaller.item(1, 1, 'x')]],
    ['a half-close on a route without input', 0, [fromCaller.halfClose(1, 1)]],
  ])('%s ends the stream', (_what, inCapacity, frames) => {
    const { end, stream } = opened({ inCapacity });
    end.receive(...frames);
    expect(stream.error?.message).toBe('handler: did not expect inbound message');
    expect(end.sent()).toStrictEqual([
      'MuxServerMsg 1 #1 Eof PayloadIsErr "did not expect inbound message"',
      'DisconnectClientMux 1',
    ]);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
  });
});

describe('a gap in the sequence', () => {
  it.each([
    ['an item', fromCaller.item(1, 3, 'x')],
    ['a repeated item', fromCaller.item(1, 0, 'x')],
    ['a half-close', fromCaller.halfClose(1, 3)],
    ['a credit', fromCaller.credit(1, 3)],
    ['a ping', fromCaller.ping(1, 3)],
  ])('at %s ends the stream with an error, which needs no credit', (_what, frame) => {
    const { end, stream } = opened({ inCapacity: 2, outCapacity: 1 });
    stream.send('a');
    end.receive(frame);
    expect(stream.received).toStrictEqual(['ended: protocol']);
    expect(end.sent()).toStrictEqual([
      'MuxServerMsg 1 #1 "a"',
      `MuxServerMsg 1 #2 Eof PayloadIsErr "receive sequence number mismatch. want 1, got ${frame.seq}"`,
      'DisconnectClientMux 1',
    ]);
    expect(end.leftovers).toStrictEqual(nothing);
  });

  it('is not reported for a cancel of any number', () => {
    const { end, stream } = opened();
    end.receive({ ...fromCaller.cancel(1), seq: 99 });
    expect(stream.received).toStrictEqual(['ended: cancelled']);
  });

  it('is detected across items, credits and pings', () => {
    const { end, stream } = opened({ inCapacity: 4, outCapacity: 1, extensions: false });
    end.receive(fromCaller.item(1, 1, 'a'), fromCaller.credit(1, 2), fromCaller.ping(1, 3), fromCaller.item(1, 4, 'b'));
    expect(stream.received).toStrictEqual(['a', 'b']);
  });
});

describe('output', () => {
  it('starts with the out capacity, gains one credit per frame, and saturates', () => {
    const { end, stream } = opened({ outCapacity: 2, extensions: false });
    expect([stream.mux.credit, stream.mux.writable]).toStrictEqual([2, true]);
    stream.send('a', 'b');
    expect([stream.mux.credit, stream.mux.writable]).toStrictEqual([0, false]);
    end.receive(fromCaller.credit(1, 1));
    expect([stream.mux.credit, stream.writables]).toStrictEqual([1, 1]);
    end.receive(fromCaller.credit(1, 2), fromCaller.credit(1, 3), fromCaller.credit(1, 4, 77));
    expect(stream.mux.credit).toBe(2);
    expect(end.engine.stats.creditStalls).toBe(1);
  });

  it('gains credit in batches where that was announced, up to the maximum of its window', () => {
    const { end, stream } = opened({ outCapacity: { initial: 2, max: 100 } });
    end.receive(fromCaller.credit(1, 1, 50));
    expect(stream.mux.credit).toBe(52);
    end.receive(fromCaller.credit(1, 2, 2 ** 52));
    expect(stream.mux.credit).toBe(100);
  });

  it('never exceeds its initial window where windows were not announced', () => {
    const { end, stream } = opened({ outCapacity: { initial: 2, max: 100 }, extensions: false });
    end.receive(fromCaller.credit(1, 1), fromCaller.credit(1, 2));
    expect(stream.mux.credit).toBe(2);
  });

  it('marks an empty item', () => {
    const { end, stream } = opened();
    stream.send('');
    expect(end.sent()).toStrictEqual(['MuxServerMsg 1 #1 PayloadIsZero']);
  });
});

describe('the end of the stream', () => {
  it('is sent at once where there is credit', () => {
    const { end, stream } = opened({ outCapacity: 2 });
    stream.send('a');
    stream.mux.complete();
    expect(stream.received).toStrictEqual(['ended']);
    expect(end.sent()).toStrictEqual(['MuxServerMsg 1 #1 "a"', 'MuxServerMsg 1 #2 Eof', 'DisconnectClientMux 1']);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
  });

  it('waits for one credit', () => {
    const { end, stream } = opened({ outCapacity: 1 });
    stream.send('a');
    stream.mux.complete();
    expect([end.sent(), stream.received, stream.mux.writable]).toStrictEqual([['MuxServerMsg 1 #1 "a"'], [], false]);
    end.receive(fromCaller.credit(1, 1));
    expect([end.sent(), stream.received]).toStrictEqual([
      ['MuxServerMsg 1 #2 Eof', 'DisconnectClientMux 1'],
      ['ended'],
    ]);
    expect(stream.writables).toBe(0);
  });

  it('waits for one credit with an error too, and carries the text', () => {
    const { end, stream } = opened({ outCapacity: 1 });
    stream.send('a');
    stream.mux.fail('boom');
    stream.mux.complete();
    stream.send('b');
    end.receive(fromCaller.credit(1, 1));
    expect(end.sent()).toStrictEqual([
      'MuxServerMsg 1 #1 "a"',
      'MuxServerMsg 1 #2 Eof PayloadIsErr "boom"',
      'DisconnectClientMux 1',
    ]);
    expect(stream.received).toStrictEqual(['ended']);
  });

  it.each(['complete', 'fail'] as const)(
    '%s, with its last frames queued behind a full socket: a cancel takes them back',
    (how) => {
      const { end, stream } = opened({ outCapacity: 4 });
      end.sink.bufferedBytes = 1 << 20;
      stream.send('a');
      expect(end.sent()).toStrictEqual(['MuxServerMsg 1 #1 "a"']);
      stream.send('b', 'c');
      stream.mux[how]('text');
      end.receive(fromCaller.cancel(1));
      expect(end.sent()).toStrictEqual(['DisconnectClientMux 1']);
      end.sink.bufferedBytes = 0;
      end.engine.drained();
      expect(end.sent()).toStrictEqual([]);
      expect(end.engine.schedule.queuedBytes).toBe(0);
      // A second one finds nothing.
      end.receive(fromCaller.cancel(1));
      expect(end.sent()).toStrictEqual([]);
    },
  );

  it('ignores a late cancel once its last frames have left a full socket', () => {
    const { end, stream } = opened({ outCapacity: 4 });
    end.sink.bufferedBytes = 1 << 20;
    stream.send('a');
    end.sent();
    stream.send('b');
    stream.mux.complete();
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    expect(end.sent()).toStrictEqual(['MuxServerMsg 1 #2 "b"', 'MuxServerMsg 1 #3 Eof', 'DisconnectClientMux 1']);
    end.receive(fromCaller.cancel(1));
    expect(end.sent()).toStrictEqual([]);
  });

  it('that waits still accepts input, and yields to a fault, a cancel and the deadline', () => {
    const waiting = (connect: FrameFields = {}) => {
      const { end, stream } = opened({ inCapacity: 1, outCapacity: 1, connect });
      stream.send('a');
      stream.mux.complete();
      end.receive(fromCaller.item(1, 1, 'x'));
      end.sent();
      return { end, stream };
    };
    const fault = waiting();
    fault.end.receive(fromCaller.item(1, 2, 'y'));
    expect(fault.end.sent()).toStrictEqual([
      'MuxServerMsg 1 #2 Eof PayloadIsErr "handler blocked"',
      'DisconnectClientMux 1',
    ]);
    const cancel = waiting();
    cancel.end.receive(fromCaller.cancel(1));
    expect(cancel.end.sent()).toStrictEqual(['DisconnectClientMux 1']);
    const deadline = waiting({ deadlineMs: 100 });
    deadline.end.runtime.advance(150);
    expect(deadline.end.sent()).toStrictEqual(['DisconnectClientMux 1']);
    expect([fault, cancel, deadline].map(({ stream }) => stream.received)).toStrictEqual([
      ['x', 'ended: protocol'],
      ['x', 'ended: cancelled'],
      ['x', 'ended: deadline-exceeded'],
    ]);
  });

  it('from within an item is sent only once', () => {
    const { end, stream } = opened({ inCapacity: 2, extensions: false });
    stream.onItem = () => {
      stream.send('last');
      stream.mux.complete();
      stream.release();
    };
    end.receive(fromCaller.item(1, 1, 'a'), fromCaller.item(1, 2, 'b'));
    expect(stream.received).toStrictEqual(['a', 'ended']);
    expect(end.sent()).toStrictEqual([
      'MuxServerMsg 1 #1 "last"',
      'MuxServerMsg 1 #2 Eof',
      'DisconnectClientMux 1',
      // The answer to 'b', which came for a stream that had ended.
      'DisconnectClientMux 1',
    ]);
  });

  it('is final once sent: late credits, releases and ends change nothing', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    end.receive(fromCaller.item(1, 1, 'a'));
    stream.mux.complete();
    end.sent();
    stream.release();
    stream.mux.fail('late');
    stream.send('late');
    stream.mux.closeInput();
    end.receive(fromCaller.credit(1, 2), fromCaller.cancel(1));
    end.runtime.advance(100_000);
    expect([end.sent(), stream.received]).toStrictEqual([[], ['a', 'ended']]);
  });

  it('is sent behind the items that wait for the socket', () => {
    const { end, stream } = opened({ outCapacity: 4 });
    end.sink.bufferedBytes = 1 << 20;
    end.request(9);
    end.sent();
    stream.send('a', 'b');
    stream.mux.complete();
    expect([stream.received, end.sent()]).toStrictEqual([['ended'], []]);
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    expect(end.sent()).toStrictEqual([
      'MuxServerMsg 1 #1 "a"',
      'MuxServerMsg 1 #2 "b"',
      'MuxServerMsg 1 #3 Eof',
      'DisconnectClientMux 1',
    ]);
  });
});

describe('cancel by the caller', () => {
  it('notifies the handler, and is answered once', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    end.receive(fromCaller.cancel(1), fromCaller.cancel(1), fromCaller.item(1, 1, 'x'));
    expect([stream.received, end.sent()]).toStrictEqual([['ended: cancelled'], ['DisconnectClientMux 1']]);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
  });

  it('takes back queued frames', () => {
    const { end, stream } = opened();
    end.sink.bufferedBytes = 1 << 20;
    end.request(9);
    end.sent();
    stream.send('a', 'b');
    end.receive(fromCaller.cancel(1));
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    expect([end.sent(), end.leftovers.queuedBytes]).toStrictEqual([['DisconnectClientMux 1'], 0]);
  });
});

describe('deadlines and pings', () => {
  it('stops the stream 50 ms after its deadline', () => {
    const { end, stream } = opened({ connect: { deadlineMs: 1000 } });
    expect(stream.mux.deadline).toBe(end.runtime.now() + 1000);
    end.runtime.advance(1049);
    expect([stream.received, end.sent()]).toStrictEqual([[], []]);
    end.runtime.advance(1);
    expect([stream.received, end.sent()]).toStrictEqual([['ended: deadline-exceeded'], ['DisconnectClientMux 1']]);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
  });

  it('does not stop the stream earlier where an interval ends before that', () => {
    const { end, stream } = opened({ connect: { deadlineMs: 14_980 } });
    end.runtime.advance(15_029);
    expect(stream.received).toStrictEqual([]);
    end.runtime.advance(1);
    expect(stream.received).toStrictEqual(['ended: deadline-exceeded']);
  });

  it('answers a Ping with its number, outside the sequence', () => {
    const { end, stream } = opened({ extensions: false });
    stream.send('a');
    end.receive(fromCaller.ping(1, 1), { ...fromCaller.ping(1, 2), deadlineMs: 15_000 });
    stream.send('b');
    expect(end.sent().map((line) => line.replace(/ <.*/, ''))).toStrictEqual([
      'MuxServerMsg 1 #1 "a"',
      'Pong 1 #1',
      'Pong 1 #2 15000 ms',
      'MuxServerMsg 1 #2 "b"',
    ]);
  });

  it('stops the stream after four intervals without a Ping; data does not count', () => {
    const { end, stream } = opened({ inCapacity: 9 });
    end.receive(fromCaller.item(1, 1, 'a'));
    end.runtime.advance(59_999);
    expect(stream.received).toStrictEqual(['a']);
    end.runtime.advance(1);
    expect([stream.received, end.sent()]).toStrictEqual([['a', 'ended: disconnected'], ['DisconnectClientMux 1']]);
    expect(end.runtime.scheduled).toBe(0);
  });

  it('does not stop the stream while a Ping may be among what is still unread', () => {
    const { end, stream } = opened();
    end.receiveBacklog(9, 100_000);
    end.runtime.advance(110_000);
    expect(stream.received).toStrictEqual([]);
    end.runtime.advance(60_000);
    expect(stream.received).toStrictEqual(['ended: disconnected']);
  });

  it('keeps a stream indefinitely while its caller pings', () => {
    const { end, stream } = opened();
    for (let seq = 1; seq < 100; seq++) {
      end.runtime.advance(45_000);
      end.receive(fromCaller.ping(1, seq));
    }
    expect(stream.received).toStrictEqual([]);
    expect(end.leftovers).toStrictEqual({ ...nothing, incoming: 1, timers: 1 });
  });
});

it('is notified of the loss of the connection, and sends nothing', () => {
  const { end, stream } = opened({ inCapacity: 1 });
  end.engine.close();
  stream.send('late');
  stream.mux.complete();
  expect([stream.received, end.sent(), end.leftovers]).toStrictEqual([['ended: disconnected'], [], nothing]);
});
