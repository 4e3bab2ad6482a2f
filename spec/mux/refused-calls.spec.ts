import { describe, expect, it } from '@jest/globals';
import { decodeConnectError } from '../../lib/wire/payloads/control.js';
import { Flag } from '../../lib/wire/ops.js';
import { loneEngine, nothing } from '../support/protocol/engines.js';
import { fromCaller, fromResponder } from '../support/protocol/frames.js';

describe('an engine without handlers', () => {
  it.each([
    [
      'a unary call',
      fromCaller.request(5, { flags: Flag.Eof, seq: 3 }),
      /^MuxConnectError 5 #3 handler 1 60000 ms Eof </,
    ],
    ['a stream', fromCaller.connectMux(5), /^MuxConnectError 5 handler 2 </],
  ])('refuses %s, and says what to do', (_what, frame, answer) => {
    const end = loneEngine({ answers: false });
    end.receive(frame);
    const [line = '', ...others] = end.sent();
    expect(line).toMatch(answer);
    const { payload } = end.sink.frames[0]!;
    expect(decodeConnectError(payload)).toMatch(/^This side has no handlers. Give its connect the option handlers/);
    expect([others, end.leftovers, end.engine.stats.callsIn]).toStrictEqual([[], nothing, 1]);
  });

  it('treats frames that follow a refused call as frames of an unknown mux', () => {
    const end = loneEngine({ answers: false });
    end.receive(fromCaller.item(5, 1, 'x'), fromCaller.halfClose(5, 2), fromCaller.credit(5, 3), fromCaller.cancel(5));
    expect(end.sent()).toStrictEqual(['DisconnectClientMux 5']);
    end.receive(fromCaller.ping(5, 1));
    const [pong] = end.sink.frames.slice(-1);
    expect([...pong!.payload]).toStrictEqual([...fromResponder.pong(5, 1, { unknown: true }).payload]);
    expect(end.engine.stats.unknownMuxFrames).toBe(5);
  });

  it('can make calls itself', () => {
    const end = loneEngine({ answers: false });
    const call = end.request(9, 'question', 1_500);
    expect(end.sent()).toHaveLength(1);
    end.receive(fromResponder.response(1, 'answer'));
    expect([call.received, end.engine.muxes]).toStrictEqual([['answer'], { outgoing: [], incoming: [] }]);
  });
});
