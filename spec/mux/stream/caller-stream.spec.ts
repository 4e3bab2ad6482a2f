import { describe, expect, it } from '@jest/globals';
import { ProtocolError, RefusedError, RemoteError } from '../../../lib/errors.js';
import { encodeAck } from '../../../lib/wire/payloads/window-payloads.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { cancelled, loneEngine, nothing, type EngineEnd, type EngineSetup } from '../../support/protocol/engines.js';
import { frameOf, fromResponder } from '../../support/protocol/frames.js';

type Options = Parameters<EngineEnd['open']>[1];

/** A stream whose opening frame has left; with `acked`, AckMux has come. */
function opened(options: Options = {}, setup: EngineSetup & { acked?: boolean } = {}) {
  const end = loneEngine(setup);
  const stream = end.open(2, options);
  end.sent();
  if (setup.acked ?? true) end.receive(fromResponder.ack(1));
  return { end, stream };
}

describe('opening', () => {
  it.each([
    [{}, 'ConnectMux 1 handler 2 Eof PayloadIsZero'],
    [{ payload: 'p' }, 'ConnectMux 1 handler 2 Eof "p"'],
    [{ payload: 'p', inCapacity: 3 }, 'ConnectMux 1 handler 2 "p"'],
    [{ payload: 'p', timeout: 1500.5 }, 'ConnectMux 1 handler 2 1500 ms Eof "p"'],
  ])('%p is %s', (options, line) => {
    const end = loneEngine();
    end.open(2, options);
    expect(end.sent()).toStrictEqual([line]);
  });

  it('numbers muxes upward from the given first id', () => {
    const end = loneEngine({ firstMuxId: 2 ** 40 });
    end.open(2);
    end.request(1, '', 5);
    expect(end.sent()).toStrictEqual([
      'ConnectMux 1099511627776 handler 2 Eof PayloadIsZero',
      'Request 1099511627777 handler 1 5 ms Eof',
    ]);
  });

  it('ends the stream when it is refused', () => {
    const { end, stream } = opened({}, { acked: false });
    end.receive(fromResponder.connectError(1, 'no such route'));
    expect(stream.error).toStrictEqual(new RefusedError('no such route'));
    expect([end.sent(), end.leftovers, end.runtime.scheduled]).toStrictEqual([[], nothing, 0]);
  });

  it('closes the connection with a refusal that does not parse', () => {
    const { end, stream } = opened({}, { acked: false });
    end.receive(frameOf(Op.MuxConnectError, 1, { payload: 'no map' }));
    expect([end.faults.length, stream.received]).toStrictEqual([1, ['ended: disconnected']]);
  });
});

describe('upstream credit', () => {
  it('is zero before AckMux, and the in capacity from then on', () => {
    const { end, stream } = opened({ inCapacity: 3 }, { acked: false, extensions: false });
    expect([stream.mux.credit, stream.mux.writable]).toStrictEqual([0, false]);
    end.receive(fromResponder.ack(1));
    expect([stream.mux.credit, stream.mux.writable, stream.writables]).toStrictEqual([3, true, 1]);
    stream.send('a', 'b', 'c');
    expect([stream.mux.credit, stream.mux.writable]).toStrictEqual([0, false]);
    expect(end.sent()).toStrictEqual(['MuxClientMsg 1 #1 "a"', 'MuxClientMsg 1 #2 "b"', 'MuxClientMsg 1 #3 "c"']);
  });

  it('is what AckMux says where the extension was announced; otherwise its payload is ignored', () => {
    const { end, stream } = opened({ inCapacity: 3 }, { acked: false });
    end.receive(fromResponder.ack(1, encodeAck({ in: 1000 })));
    expect(stream.mux.credit).toBe(1000);
    const plain = opened({ inCapacity: 3 }, { acked: false, extensions: false });
    plain.end.receive(fromResponder.ack(1, encodeAck({ in: 1000 })));
    expect(plain.stream.mux.credit).toBe(3);
    const silent = opened({ inCapacity: 3 });
    expect(silent.stream.mux.credit).toBe(3);
  });

  it('is granted by AckMux only once', () => {
    const { end, stream } = opened({ inCapacity: 3 });
    end.receive(fromResponder.ack(1));
    expect(stream.mux.credit).toBe(3);
  });

  it('is returned one by one', () => {
    const { end, stream } = opened({ inCapacity: 1 }, { extensions: false });
    stream.send('a');
    // Without the extension a payload of a credit frame means nothing.
    end.receive(fromResponder.credit(1, 1), fromResponder.credit(1, 2, 50));
    expect([stream.mux.credit, stream.writables]).toStrictEqual([2, 3]);
  });

  it('is returned in batches where that was announced, and saturates', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    end.receive(fromResponder.credit(1, 1, 500), fromResponder.credit(1, 2));
    expect(stream.mux.credit).toBe(502);
    end.receive(fromResponder.credit(1, 3, Number.MAX_SAFE_INTEGER), fromResponder.credit(1, 4, 9));
    expect(stream.mux.credit).toBe(0x7fff_ffff);
  });

  it('of 0 is a connection fault', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    end.receive(frameOf(Op.UnblockClMux, 1, { seq: 1, payload: Uint8Array.of(0) }));
    expect([end.faults.length, stream.received]).toStrictEqual([1, ['ended: disconnected']]);
  });

  it('marks an empty item', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    stream.send('');
    expect(end.sent()).toStrictEqual(['MuxClientMsg 1 #1 PayloadIsZero']);
  });
});

describe('half-close', () => {
  it('needs no credit, and is the last frame sent', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    stream.send('a');
    stream.mux.halfClose();
    stream.mux.halfClose();
    stream.send('b');
    expect(end.sent()).toStrictEqual(['MuxClientMsg 1 #1 "a"', 'MuxClientMsg 1 #2 Eof']);
    expect([stream.mux.writable, stream.mux.sendEnded]).toStrictEqual([false, true]);
  });

  it('may precede AckMux, which then grants no credit', () => {
    const { end, stream } = opened({ inCapacity: 1 }, { acked: false });
    stream.mux.halfClose();
    expect(end.sent()).toStrictEqual(['MuxClientMsg 1 #1 Eof']);
    end.receive(fromResponder.ack(1), fromResponder.item(1, 1, 'x'));
    expect([stream.mux.credit, stream.writables, stream.received]).toStrictEqual([0, 0, ['x']]);
  });

  it('leaves the output open', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    stream.mux.halfClose();
    end.sent();
    end.receive(fromResponder.item(1, 1, 'x'));
    stream.release();
    end.receive(fromResponder.end(1, 2));
    expect(stream.received).toStrictEqual(['x', 'ended']);
  });

  it('is not sent by a stream without input', () => {
    const { end, stream } = opened();
    stream.mux.halfClose();
    expect(end.sent()).toStrictEqual([]);
  });
});

describe('items', () => {
  it('arrive in order; each credit is returned when its item is released', () => {
    const { end, stream } = opened({ outCapacity: 3 }, { extensions: false });
    end.receive(fromResponder.item(1, 1, 'a'), fromResponder.item(1, 2, ''), fromResponder.item(1, 3, 'c'));
    expect([stream.received, stream.mux.held, end.sent()]).toStrictEqual([['a', '', 'c'], 3, []]);
    stream.release(2);
    expect(end.sent()).toStrictEqual(['UnblockSrvMux 1 #1', 'UnblockSrvMux 1 #2']);
    stream.release(5);
    expect([stream.mux.held, end.sent()]).toStrictEqual([0, ['UnblockSrvMux 1 #3']]);
  });

  it('that are released together are credited in one frame, where that was announced', () => {
    const { end, stream } = opened({ outCapacity: { initial: 3, max: 3 } });
    end.receive(fromResponder.item(1, 1, 'a'), fromResponder.item(1, 2, 'b'), fromResponder.item(1, 3, 'c'));
    stream.release(3);
    expect(end.sent()).toStrictEqual(['UnblockSrvMux 1 #1 <03>']);
    end.receive(fromResponder.item(1, 4, 'd'));
    stream.release();
    expect(end.sent()).toStrictEqual(['UnblockSrvMux 1 #2']);
  });

  it('beyond the window fail the stream', () => {
    const { end, stream } = opened({ outCapacity: 2 });
    end.receive(...[1, 2, 3, 4].map((seq) => fromResponder.item(1, seq, `${seq}`)));
    expect(stream.received).toStrictEqual(['1', '2', 'ended: protocol']);
    expect(stream.error?.message).toContain('outCapacity');
    // The fourth item is a stray by then: one frame answers both.
    expect([end.sent(), end.leftovers]).toStrictEqual([['DisconnectServerMux 1'], nothing]);
  });

  it('grow the window while the consumer keeps up', () => {
    const { end, stream } = opened({ outCapacity: { initial: 2, max: 8 } });
    stream.autoRelease = true;
    let seq = 1;
    const credits: string[] = [];
    for (const count of [2, 4, 8, 8]) {
      end.receive(...Array.from({ length: count }, () => fromResponder.item(1, seq++, 'x')));
      credits.push(...end.sent());
    }
    expect(credits).toStrictEqual([
      // More credits than items that they acknowledge.
      'UnblockSrvMux 1 #1 <0402>',
      'UnblockSrvMux 1 #2 <0804>',
      'UnblockSrvMux 1 #3 <08>',
      'UnblockSrvMux 1 #4 <08>',
    ]);
  });
});

describe('the end of the stream', () => {
  it('arrives with Eof; later frames are ignored', () => {
    const { end, stream } = opened({ inCapacity: 5 });
    end.receive(
      fromResponder.item(1, 1, 'a'),
      fromResponder.end(1, 2),
      fromResponder.disconnect(1),
      fromResponder.credit(1, 3),
    );
    expect([stream.received, end.sent()]).toStrictEqual([['a', 'ended'], []]);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
    stream.release();
    stream.send('b');
    stream.mux.halfClose();
    stream.mux.cancel(cancelled);
    expect([stream.mux.writable, stream.received, end.sent()]).toStrictEqual([false, ['a', 'ended'], []]);
  });

  it('with a payload, or with PayloadIsZero, delivers a last item', () => {
    const last = frameOf(Op.MuxServerMsg, 1, { seq: 1, flags: Flag.Eof, payload: 'last' });
    const one = opened();
    one.end.receive(last);
    expect(one.stream.received).toStrictEqual(['last', 'ended']);
    const two = opened();
    two.end.receive({ ...last, flags: Flag.Eof | Flag.PayloadIsZero, payload: new Uint8Array() });
    expect(two.stream.received).toStrictEqual(['', 'ended']);
  });

  it('may arrive one beyond the window, also with an item', () => {
    const { end, stream } = opened({ outCapacity: 1 });
    end.receive(fromResponder.item(1, 1, 'a'), frameOf(Op.MuxServerMsg, 1, { seq: 2, flags: Flag.Eof, payload: 'b' }));
    expect([stream.received, end.sent()]).toStrictEqual([['a', 'b', 'ended'], []]);
  });

  it('with an error text is a RemoteError, with and without Eof', () => {
    const one = opened();
    one.end.receive(fromResponder.fail(1, 1, 'boom'));
    expect(one.stream.error).toStrictEqual(new RemoteError('boom'));
    const two = opened();
    two.end.receive({ ...fromResponder.fail(1, 1, 'boom'), flags: Flag.PayloadIsErr });
    expect(two.stream.error).toStrictEqual(new RemoteError('boom'));
    expect([one.end.sent(), two.end.sent()]).toStrictEqual([[], []]);
  });

  it('with DisconnectClientMux is the loss of the other end, or its text', () => {
    const one = opened();
    one.end.receive(fromResponder.disconnect(1));
    expect([one.stream.received, one.end.sent()]).toStrictEqual([['ended: disconnected'], []]);
    const two = opened();
    two.end.receive(fromResponder.disconnect(1, 'shutting down'));
    expect(two.stream.error).toStrictEqual(new RemoteError('shutting down'));
  });

  it('takes back queued frames', () => {
    const { end, stream } = opened({ inCapacity: 5 });
    end.sink.bufferedBytes = 1 << 20;
    end.request(9);
    end.sent();
    stream.send('a');
    expect(end.leftovers.queuedBytes).toBeGreaterThan(0);
    end.receive(fromResponder.end(1, 1));
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    expect([end.sent(), end.leftovers.queuedBytes]).toStrictEqual([[], 0]);
  });
});

describe('a gap in the sequence', () => {
  it.each([
    ['an item', fromResponder.item(1, 2, 'x')],
    ['an old item', fromResponder.item(1, 0, 'x')],
    ['a credit', fromResponder.credit(1, 2)],
    ['an end', fromResponder.end(1, 2)],
    ['a failure', fromResponder.fail(1, 2, 'x')],
  ])('at %s fails the stream', (_what, frame) => {
    const { end, stream } = opened({ inCapacity: 1 });
    end.receive(frame);
    expect(stream.error).toStrictEqual(
      new ProtocolError(`caller: out-of-sequence item received: want 1, got ${frame.seq}.`),
    );
    expect([end.sent(), end.leftovers]).toStrictEqual([['DisconnectServerMux 1'], nothing]);
  });

  it('is not reported for frames that have no sequence number', () => {
    const { end, stream } = opened();
    end.receive(fromResponder.pong(1, 77), { ...fromResponder.ack(1), seq: 9 }, fromResponder.item(1, 1, 'x'));
    expect(stream.received).toStrictEqual(['x']);
    end.receive({ ...fromResponder.disconnect(1), seq: 44 });
    expect(stream.received).toStrictEqual(['x', 'ended: disconnected']);
  });

  it('is detected across items and credits, in both directions', () => {
    const { end, stream } = opened({ inCapacity: 5, outCapacity: 5 }, { extensions: false });
    stream.send('a');
    end.receive(fromResponder.item(1, 1, 'x'), fromResponder.credit(1, 2), fromResponder.item(1, 3, 'y'));
    stream.release();
    end.runtime.turn();
    stream.send('b');
    stream.mux.halfClose();
    expect(end.sent()).toStrictEqual([
      'MuxClientMsg 1 #1 "a"',
      'UnblockSrvMux 1 #2',
      'MuxClientMsg 1 #3 "b"',
      'MuxClientMsg 1 #4 Eof',
    ]);
  });
});

describe('cancel', () => {
  it('sends one frame; the sink ends with the reason, and receives nothing more', () => {
    const { end, stream } = opened({ inCapacity: 5 });
    stream.mux.cancel(cancelled);
    stream.mux.cancel(cancelled);
    expect([stream.error, end.sent()]).toStrictEqual([cancelled, ['DisconnectServerMux 1']]);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
    end.receive(fromResponder.disconnect(1));
    expect([stream.received, end.sent()]).toStrictEqual([['ended: cancelled'], []]);
  });

  it('from within an item stops the rest of the message, and sends one frame', () => {
    const { end, stream } = opened({ outCapacity: 9 });
    stream.onItem = () => stream.mux.cancel(cancelled);
    end.receive(fromResponder.item(1, 1, 'a'), fromResponder.item(1, 2, 'b'), fromResponder.end(1, 3));
    expect([stream.received, end.sent()]).toStrictEqual([['a', 'ended: cancelled'], ['DisconnectServerMux 1']]);
  });

  it('from within the last item ends the stream once', () => {
    const { end, stream } = opened();
    stream.onItem = () => stream.mux.cancel(cancelled);
    end.receive(frameOf(Op.MuxServerMsg, 1, { seq: 1, flags: Flag.Eof, payload: 'last' }));
    expect(stream.received).toStrictEqual(['last', 'ended: cancelled']);
  });

  it('from within writable() is the last thing sent', () => {
    const { end, stream } = opened({ inCapacity: 5 }, { acked: false });
    stream.onWritable = () => {
      stream.mux.cancel(cancelled);
      stream.send('a');
    };
    end.receive(fromResponder.ack(1));
    expect(end.sent()).toStrictEqual(['DisconnectServerMux 1']);
  });

  it('before the opening frame has been sent sends nothing at all', () => {
    const end = loneEngine();
    end.sink.bufferedBytes = 1 << 20;
    end.request(9);
    end.sent();
    const stream = end.open(2, { inCapacity: 1 });
    stream.mux.halfClose();
    stream.mux.cancel(cancelled);
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    expect([end.sent(), end.leftovers.queuedBytes, end.engine.open.outgoing]).toStrictEqual([[], 0, 1]);
  });
});

describe('the loss of the connection', () => {
  it('reports whether the opening frame had been sent', () => {
    const end = loneEngine();
    const sent = end.open(2);
    end.sink.bufferedBytes = 1 << 20;
    end.sent();
    const [queued, busy] = [end.open(2), end.open(2, { inCapacity: 1 })];
    sent.mux.halfClose();
    busy.mux.halfClose();
    end.engine.close();
    expect([sent.error, queued.error, busy.error]).toMatchObject([{ sent: true }, { sent: false }, { sent: false }]);
  });

  it('reports the opening frame as sent also where a later frame is queued', () => {
    const { end, stream } = opened({ inCapacity: 5 });
    end.sink.bufferedBytes = 1 << 20;
    end.request(9);
    end.sent();
    stream.send('a');
    end.engine.close();
    expect(stream.error).toMatchObject({ sent: true });
  });
});

describe('deadlines and pings', () => {
  it('fails the stream and cancels the handler when the deadline passes', () => {
    const { end, stream } = opened({ timeout: 1000 });
    end.runtime.advance(999);
    expect(stream.received).toStrictEqual([]);
    end.runtime.advance(1);
    expect([stream.received, end.sent()]).toStrictEqual([['ended: deadline-exceeded'], ['DisconnectServerMux 1']]);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
  });

  it('sends a sequenced Ping every 15 s while frames arrive', () => {
    const { end, stream } = opened({ inCapacity: 1 });
    stream.send('a');
    end.sent();
    end.runtime.advance(15_000);
    expect(end.sent()).toStrictEqual(['Ping 1 #2']);
    end.receive(fromResponder.pong(1, 2));
    end.runtime.advance(15_000);
    expect(end.sent()).toStrictEqual(['Ping 1 #3']);
    end.receive(fromResponder.item(1, 1, 'data will do'));
    for (let round = 4; round < 20; round++) {
      end.runtime.advance(15_000);
      expect(end.sent()).toStrictEqual([`Ping 1 #${round}`]);
      end.receive(fromResponder.pong(1, round));
    }
    expect(stream.received).toStrictEqual(['data will do']);
  });

  it.each([
    ['1 ms early', 1_999, 'ended: deadline-exceeded'],
    ['50 ms early', 1_950, 'ended: deadline-exceeded'],
    ['earlier than a timer is', 1_949, 'ended: disconnected'],
  ])('a responder that drops the stream %s', (_, at, outcome) => {
    // As a reference peer, whose timer for the same deadline passes first in a third of all cases: it sends no reason.
    for (const drop of [fromResponder.disconnect, (id: number) => fromResponder.pong(id, 1, { unknown: true })]) {
      const end = loneEngine({ extensions: false });
      const stream = end.open(2, { timeout: 2_000 });
      end.receive(fromResponder.ack(1));
      end.runtime.advance(at);
      end.receive(drop(1));
      expect(stream.received).toStrictEqual([outcome]);
    }
  });

  it('sends no Ping where the deadline comes first', () => {
    const { end } = opened({ timeout: 15_000 });
    end.runtime.advance(15_000);
    expect(end.sent()).toStrictEqual(['DisconnectServerMux 1']);
  });

  it('fails the stream after two intervals in which a Ping was not answered', () => {
    const { end, stream } = opened();
    end.runtime.advance(44_999);
    expect([stream.received, end.sent()]).toStrictEqual([[], ['Ping 1 #1', 'Ping 1 #2']]);
    end.runtime.advance(1);
    expect([stream.received, end.sent()]).toStrictEqual([['ended: disconnected'], ['DisconnectServerMux 1']]);
    expect(end.runtime.scheduled).toBe(0);
  });

  it('does not fail the stream while the answers may be among what is still unread', () => {
    const { end, stream } = opened();
    end.receiveBacklog(9, 100_000);
    end.runtime.advance(100_000);
    expect(stream.received).toStrictEqual([]);
    // The answers are not there.
    end.runtime.advance(60_000);
    expect(stream.received).toStrictEqual(['ended: disconnected']);
  });

  it('does not fail the stream while the other side answers no ping of the connection either', () => {
    let overdue = true;
    const { end, stream } = opened({}, { isPongOverdue: () => overdue });
    end.runtime.advance(300_000);
    expect(stream.received).toStrictEqual([]);
    overdue = false;
    end.runtime.advance(45_000);
    expect(stream.received).toStrictEqual(['ended: disconnected']);
  });

  it('fails the stream where the responder does not know it, or reports an error', () => {
    const one = opened();
    one.end.receive(fromResponder.pong(1, 1, { unknown: true }));
    const two = opened();
    two.end.receive(fromResponder.pong(1, 1, { error: 'broken' }));
    expect([one.stream.received, two.stream.error]).toStrictEqual([['ended: disconnected'], new RemoteError('broken')]);
    expect([one.end.sent(), two.end.sent()]).toStrictEqual([[], []]);
  });
});

it('allows sending, releasing and opening from within an item', () => {
  const { end, stream } = opened({ inCapacity: 5, outCapacity: 5 }, { extensions: false });
  stream.onItem = (item) => {
    stream.send(`re: ${item}`);
    stream.release();
    end.open(3);
  };
  end.receive(fromResponder.item(1, 1, 'a'), fromResponder.item(1, 2, 'b'));
  expect(end.sent()).toStrictEqual([
    'MuxClientMsg 1 #1 "re: a"',
    'ConnectMux 2 handler 3 Eof PayloadIsZero',
    'MuxClientMsg 1 #2 "re: b"',
    'ConnectMux 3 handler 3 Eof PayloadIsZero',
    'UnblockSrvMux 1 #3',
    'UnblockSrvMux 1 #4',
  ]);
});
