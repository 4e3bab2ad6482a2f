import { describe, expect, it } from '@jest/globals';
import { RefusedError, RemoteError } from '../../lib/errors.js';
import { Flag, Op } from '../../lib/wire/ops.js';
import { linkEngines, loneEngine, nothing } from '../support/protocol/engines.js';
import { frameOf, fromCaller, fromResponder } from '../support/protocol/frames.js';

describe('the caller of a unary call', () => {
  it('sends a Request with the remaining time, and receives the response', () => {
    const end = loneEngine();
    const call = end.request(9, 'question', 1500);
    expect(end.sent()).toStrictEqual(['Request 1 handler 9 1500 ms Eof "question"']);
    end.receive(fromResponder.response(1, 'answer'));
    expect(call.received).toStrictEqual(['answer']);
    expect([end.sent(), end.leftovers, end.runtime.scheduled]).toStrictEqual([[], nothing, 0]);
  });

  it('rounds the remaining time down, but never to 0', () => {
    const end = loneEngine();
    end.request(9, '', 99.9);
    end.request(9, '', 0.5);
    end.request(9, '', 2 ** 40);
    expect(end.sent()).toStrictEqual([
      'Request 1 handler 9 99 ms Eof',
      'Request 2 handler 9 1 ms Eof',
      'Request 3 handler 9 4294967295 ms Eof',
    ]);
  });

  it('sends the subroute', () => {
    const end = loneEngine();
    const subroute = new Uint8Array(32).fill(7);
    const sink = { route: '', response() {}, failed() {} };
    end.engine.request({ handler: 9, subroute }, new Uint8Array(), end.runtime.now() + 1, sink);
    expect(end.sent()).toStrictEqual(['Request 1 handler 9 1 ms Eof Subroute']);
    expect(end.sink.frames[0]!.subroute).toStrictEqual(subroute);
  });

  it('receives an error text as RemoteError, and a refusal as RefusedError', () => {
    const end = loneEngine();
    const [failed, refused] = [end.request(9), end.request(9)];
    end.receive(fromResponder.responseError(1, 'boom'), fromResponder.connectError(2, 'no such route'));
    expect([failed.error, refused.error]).toStrictEqual([new RemoteError('boom'), new RefusedError('no such route')]);
    expect(end.leftovers).toStrictEqual(nothing);
  });

  it('receives one response, whatever follows', () => {
    const end = loneEngine();
    const call = end.request(9);
    end.sent();
    end.receive(
      fromResponder.response(1, 'one'),
      fromResponder.response(1, 'two'),
      fromResponder.responseError(1, 'three'),
      fromResponder.connectError(1, 'four'),
    );
    expect([call.received, end.sent()]).toStrictEqual([['one'], []]);
    expect(end.engine.stats.unknownMuxFrames).toBe(3);
  });

  it('ignores frames of streams', () => {
    const end = loneEngine();
    const call = end.request(9);
    end.receive(
      fromResponder.item(1, 1, 'x'),
      fromResponder.ack(1),
      fromResponder.credit(1, 1),
      fromResponder.pong(1, 1, { unknown: true }),
      fromResponder.disconnect(1),
    );
    expect(call.received).toStrictEqual([]);
  });

  it('fails when its deadline passes, once, and sends nothing', () => {
    const end = loneEngine();
    const call = end.request(9, '', 100);
    end.sent();
    end.runtime.advance(99);
    expect(call.received).toStrictEqual([]);
    end.runtime.advance(1);
    expect(call.received).toStrictEqual(['deadline-exceeded']);
    expect([end.sent(), end.leftovers, end.runtime.scheduled]).toStrictEqual([[], nothing, 0]);
    end.receive(fromResponder.response(1, 'late'));
    call.mux.cancel();
    expect([call.received, end.sent()]).toStrictEqual([['deadline-exceeded'], []]);
  });

  it('sends one cancel, and receives nothing more', () => {
    const end = loneEngine();
    const call = end.request(9);
    end.sent();
    call.mux.cancel();
    call.mux.cancel();
    expect(end.sent()).toStrictEqual(['DisconnectServerMux 1']);
    end.receive(fromResponder.response(1, 'late'));
    end.runtime.advance(100_000);
    expect([call.received, end.sent(), end.leftovers]).toStrictEqual([[], [], nothing]);
  });

  it('sends no cancel after the response', () => {
    const end = loneEngine();
    const call = end.request(9);
    end.sent();
    end.receive(fromResponder.response(1));
    call.mux.cancel();
    expect(end.sent()).toStrictEqual([]);
  });

  it('reports at the close whether the request was sent', () => {
    const end = loneEngine();
    const sent = end.request(9);
    end.sink.bufferedBytes = 1 << 20;
    end.sent();
    const queued = end.request(9);
    end.sent();
    end.engine.close();
    expect([sent.error, queued.error]).toMatchObject([{ sent: true }, { sent: false }]);
    expect(end.leftovers).toStrictEqual(nothing);
  });

  it('never sends a queued request after a cancel or the deadline', () => {
    const end = loneEngine();
    end.sink.bufferedBytes = 1 << 20;
    end.request(9);
    end.sent();
    const [cancelled, late] = [end.request(9), end.request(9, '', 10)];
    cancelled.mux.cancel();
    end.runtime.advance(10);
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    expect([late.received, end.sent()]).toStrictEqual([['deadline-exceeded'], []]);
  });

  it('fails with a refusal that does not parse, and the connection closes', () => {
    const end = loneEngine();
    const call = end.request(9);
    end.receive(frameOf(Op.MuxConnectError, 1, { payload: 'no map' }));
    expect([end.faults.length, call.received]).toStrictEqual([1, ['disconnected']]);
  });
});

describe('the responder of a unary call', () => {
  it('runs the handler and answers with the sequence number of the request', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(7, { seq: 5, payload: 'question' }));
    expect(calls[0]!.payload).toBe('question');
    expect(end.engine.open).toStrictEqual({ outgoing: 0, incoming: 1 });
    calls[0]!.mux.respond(new TextEncoder().encode('answer'));
    expect(end.sent()).toStrictEqual(['Response 7 #5 Eof "answer"']);
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
  });

  it('distinguishes null from empty', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1), fromCaller.request(2));
    calls[0]!.mux.respond(null);
    calls[1]!.mux.respond(new Uint8Array());
    expect(end.sent()).toStrictEqual(['Response 1 Eof', 'Response 2 Eof PayloadIsZero']);
  });

  it('answers once', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1));
    calls[0]!.mux.fail('boom');
    calls[0]!.mux.fail('again');
    calls[0]!.mux.respond(null);
    expect(end.sent()).toStrictEqual(['Response 1 Eof PayloadIsErr "boom"']);
    expect(calls[0]!.cancelled).toStrictEqual([]);
  });

  it('answers ids up to 2^64 − 1', () => {
    const end = loneEngine();
    end.serveUnary(1, (mux) => mux.respond(null));
    end.receive(fromCaller.request(2n ** 53n + 1n), fromCaller.request(2n ** 64n - 1n), fromCaller.request(0));
    expect(end.sent()).toStrictEqual([
      'Response 9007199254740993 Eof',
      'Response 18446744073709551615 Eof',
      'Response 0 Eof',
    ]);
  });

  it('notifies the handler of a cancel by the caller, and sends nothing', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1));
    end.receive(fromCaller.cancel(1), fromCaller.cancel(1));
    calls[0]!.mux.respond(null);
    expect([calls[0]!.cancelled, end.sent(), end.leftovers]).toStrictEqual([['cancelled'], [], nothing]);
  });

  it('is stopped 50 ms after its deadline, without an answer', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1, { deadlineMs: 1000 }));
    expect(calls[0]!.mux.deadline).toBe(end.runtime.now() + 1000);
    end.runtime.advance(1049);
    expect(calls[0]!.cancelled).toStrictEqual([]);
    end.runtime.advance(1);
    calls[0]!.mux.respond(null);
    expect([calls[0]!.cancelled, end.sent(), end.leftovers]).toStrictEqual([['deadline-exceeded'], [], nothing]);
  });

  it('runs without a timer where there is no deadline', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1, { deadlineMs: 0 }));
    expect([calls[0]!.mux.deadline, end.leftovers.timers, end.runtime.scheduled]).toStrictEqual([Infinity, 0, 0]);
  });

  it('supports the longest possible deadline', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1, { deadlineMs: 0xffff_ffff }));
    end.runtime.advance(0xffff_ffff);
    expect(calls[0]!.cancelled).toStrictEqual([]);
    end.runtime.advance(50);
    expect(calls[0]!.cancelled).toStrictEqual(['deadline-exceeded']);
  });

  it('ignores a second request of the same id while the first one runs', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1), fromCaller.request(1), fromCaller.connectMux(1));
    expect([calls.length, end.sent()]).toStrictEqual([1, []]);
  });

  it('accepts an id again after its end', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1, (mux) => mux.respond(null));
    end.receive(fromCaller.request(1), fromCaller.request(1));
    expect([calls.length, end.sent()]).toStrictEqual([2, ['Response 1 Eof', 'Response 1 Eof']]);
  });

  it('truncates an error text that is too long', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1));
    calls[0]!.mux.fail('x'.repeat(100_000));
    end.sent();
    expect(end.sink.frames[0]!.payload.length).toBe(8192 + 3);
  });

  it('is notified of the loss of the connection', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1));
    end.engine.close();
    calls[0]!.mux.respond(null);
    expect([calls[0]!.cancelled, end.sent()]).toStrictEqual([['disconnected'], []]);
  });
});

describe('an answer queued behind a full socket', () => {
  function waiting() {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(5, { handler: 1 }), fromCaller.request(6, { handler: 1 }));
    end.sink.bufferedBytes = 1 << 20;
    end.engine.sendControl(Op.Ping, new Uint8Array(1));
    end.sent();
    for (const { mux } of calls) mux.respond(new Uint8Array(3));
    const drained = (): string[] => {
      end.sink.bufferedBytes = 0;
      end.engine.drained();
      return end.sent();
    };
    return { end, drained };
  }

  it('is taken back by a cancel, which is not answered', () => {
    const { end, drained } = waiting();
    end.receive(fromCaller.cancel(5));
    expect(end.sent()).toStrictEqual([]);
    expect(drained()).toStrictEqual(['Response 6 Eof <000000>']);
    expect(end.leftovers).toStrictEqual(nothing);
  });

  it('is not overtaken by the answer to a stray', () => {
    const { end, drained } = waiting();
    end.receive(fromCaller.item(5, 1, 'x'), fromCaller.ping(6, 1));
    expect(end.sent()).toStrictEqual([]);
    expect(drained()).toStrictEqual(['Response 5 Eof <000000>', 'Response 6 Eof <000000>']);
  });
});

describe('a refusal', () => {
  it('repeats deadline, handler, sequence number and flags of the refused frame', () => {
    const end = loneEngine();
    end.serveStream(2, 0, 1);
    end.serveUnary(3);
    const subroute = new Uint8Array(32);
    end.receive(
      fromCaller.request(1, { handler: 77, seq: 3, deadlineMs: 1000 }),
      fromCaller.request(2, { handler: 2, flags: Flag.Eof | Flag.Subroute, subroute }),
      fromCaller.connectMux(3, { handler: 3, flags: Flag.PayloadIsZero }),
    );
    expect(end.sent().map((line) => line.replace(/[<"].*/, ''))).toStrictEqual([
      'MuxConnectError 1 #3 handler 77 1000 ms Eof ',
      'MuxConnectError 2 handler 2 60000 ms Eof ',
      'MuxConnectError 3 handler 3 PayloadIsZero ',
    ]);
    expect(end.leftovers).toStrictEqual(nothing);
  });

  it('repeats no flag that would not fit into its byte', () => {
    const end = loneEngine({ checksum: false });
    // Written by hand: encodeFrame knows no flags from 128 on.
    end.engine.receive(Uint8Array.of(0x97, 1, 0, 0, 77, Op.Request, 0xcc, 0xc2, 0xc4, 0));
    expect(end.sent().map((line) => line.replace(/ [<"].*/, ''))).toStrictEqual(['MuxConnectError 1 handler 77 Eof']);
  });

  it('carries the text', () => {
    const { a, turn } = linkEngines();
    const call = a.request(77);
    turn();
    expect(call.error).toStrictEqual(new RefusedError('No handler 77.'));
  });
});

describe('two engines', () => {
  it.each([
    { checksum: true, extensions: true },
    { checksum: false, extensions: false },
  ])('answer each other %p', (setup) => {
    const { a, b, turn, runtime } = linkEngines(setup);
    a.serveUnary(1, (mux, payload) => mux.respond(payload));
    b.serveUnary(1, (mux, payload) => mux.respond(payload));
    const calls = Array.from(
      { length: 100 },
      (_, index) => [a.request(1, `a${index}`), b.request(1, `b${index}`)] as const,
    );
    turn();
    calls.forEach(([one, two], index) => {
      expect([one.received, two.received]).toStrictEqual([[`a${index}`], [`b${index}`]]);
    });
    expect([a.leftovers, b.leftovers, runtime.scheduled]).toStrictEqual([nothing, nothing, 0]);
  });

  it('pass a cancel on, and send nothing back', () => {
    const { a, b, turn } = linkEngines();
    const calls = b.serveUnary(1);
    const call = a.request(1);
    turn();
    call.mux.cancel();
    turn();
    expect([calls[0]!.cancelled, call.received, b.sink.frames]).toStrictEqual([['cancelled'], [], []]);
    expect([a.leftovers, b.leftovers]).toStrictEqual([nothing, nothing]);
  });

  it('let the caller’s deadline pass first', () => {
    const { a, b, advance } = linkEngines();
    const calls = b.serveUnary(1);
    const call = a.request(1, '', 100.7);
    advance(120);
    expect([call.received, calls[0]!.cancelled]).toStrictEqual([['deadline-exceeded'], []]);
    advance(50);
    expect(calls[0]!.cancelled).toStrictEqual(['deadline-exceeded']);
    expect([a.leftovers, b.leftovers]).toStrictEqual([nothing, nothing]);
  });

  it('carry 10 000 calls at once', () => {
    const { a, b, turn, advance, runtime } = linkEngines();
    const served = b.serveUnary(1);
    const calls = Array.from({ length: 10_000 }, (_, index) => a.request(1, String(index), 1000 + (index % 500)));
    turn();
    expect([a.engine.open.outgoing, b.engine.open.incoming]).toStrictEqual([10_000, 10_000]);
    served.forEach(({ mux, payload }, index) => {
      if (index % 4 !== 0) mux.respond(new TextEncoder().encode(payload));
    });
    turn();
    advance(2000);
    calls.forEach(({ received }, index) => {
      if (received.length !== 1 || received[0] !== (index % 4 === 0 ? 'deadline-exceeded' : String(index))) {
        throw new Error(`Call ${index} received ${String(received)}.`);
      }
    });
    expect([a.leftovers, b.leftovers, runtime.scheduled]).toStrictEqual([nothing, nothing, 0]);
  });
});
