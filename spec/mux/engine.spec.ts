import { describe, expect, it } from '@jest/globals';
import { LimitError } from '../../lib/errors.js';
import { queuedFrameBytes } from '../../lib/mux/schedule/owner-queue.js';
import { Op } from '../../lib/wire/ops.js';
import { cancelled, EngineEnd, linkEngines, loneEngine, nothing, testChecksum } from '../support/protocol/engines.js';
import { bytesOf, frameOf, fromCaller, fromResponder, messageOf } from '../support/protocol/frames.js';
import { ManualRuntime } from '../support/manual-runtime.js';

const plain = (lines: string[]): string[] => lines.map((line) => line.replace(/ [<"].*/, ''));

describe('a turn of the event loop', () => {
  it('sends its frames in one message, at its end', () => {
    const end = loneEngine();
    end.request(1, 'a', 5);
    end.open(2);
    end.engine.sendControl(Op.Ping, bytesOf('p'), 10_000, 3);
    expect(end.sink.messages).toStrictEqual([]);
    expect(end.sent()).toStrictEqual([
      'Request 1 handler 1 5 ms Eof "a"',
      'ConnectMux 2 handler 2 Eof PayloadIsZero',
      'Ping 0 #3 10000 ms "p"',
    ]);
    expect(end.sink.messages).toHaveLength(1);
    end.runtime.turn();
    expect(end.sink.messages).toHaveLength(1);
  });

  it('reads the clock once, plus once per message and per 16 frames, which bounds a slice of reading', () => {
    let read = 0;
    class Counting extends ManualRuntime {
      override now(): number {
        read++;
        return super.now();
      }
    }
    const end = new EngineEnd({ runtime: new Counting() });
    end.serveUnary(1);
    const requests = Array.from({ length: 50 }, (_, index) => fromCaller.request(index, { deadlineMs: 0 }));
    read = 0;
    end.receive(...requests);
    expect(read).toBe(1 + 3);
    end.receive(fromCaller.request(99, { deadlineMs: 0 }));
    expect(read).toBe(4 + 1);
  });
});

describe('connection-level frames', () => {
  it('are passed to the connection, and mux frames are not', () => {
    const end = loneEngine();
    const ops = [Op.Connect, Op.ConnectResponse, Op.Ping, Op.Pong, Op.Disconnect];
    end.receive(...ops.map((op) => frameOf(op, 0, { payload: 'x' })), fromCaller.ping(1, 1));
    expect(end.controls.map(({ op }) => op)).toStrictEqual(ops);
  });

  it('overtake queued frames', () => {
    const end = loneEngine();
    end.sink.bufferedBytes = 1 << 20;
    end.request(1);
    end.sent();
    end.request(1);
    end.engine.sendControl(Op.Ping, bytesOf('p'));
    expect(end.sent()).toStrictEqual(['Ping 0 "p"']);
  });
});

describe('frames of unknown muxes and ops', () => {
  it('counts and ignores frames with an unknown op', () => {
    const end = loneEngine();
    end.receive(frameOf(77, 1), frameOf(0, 0), frameOf(18, 5));
    expect([end.engine.stats.unknownOps, end.sent(), end.faults]).toStrictEqual([3, [], []]);
  });

  it('closes the connection where frames do not parse, and reads nothing after them', () => {
    const end = loneEngine();
    const calls = end.serveUnary(1);
    const call = end.request(1);
    end.engine.receive(Uint8Array.of(0xc1, 1, 2));
    end.receive(fromCaller.request(1));
    expect([end.faults.length, calls, call.received]).toStrictEqual([1, [], ['disconnected']]);
    expect(end.engine.stats.messagesIn).toBe(1);
  });

  it('closes the connection where a checksum differs', () => {
    const end = loneEngine();
    const message = messageOf([frameOf(Op.Request, 1, { handler: 1, flags: 3 })], testChecksum.hash);
    message[message.length - 1]! ^= 1;
    end.engine.receive(message);
    expect(end.faults[0]?.message).toContain('checksum');
  });
});

describe('stray frames', () => {
  it('are ignored where they need no answer', () => {
    const end = loneEngine();
    const frames = [
      fromCaller.credit(1, 1),
      fromCaller.cancel(1),
      fromResponder.response(1),
      fromResponder.credit(1, 1),
      fromResponder.disconnect(1),
      fromResponder.connectError(1, 'x'),
    ];
    end.receive(...frames);
    expect([end.sent(), end.engine.stats.unknownMuxFrames]).toStrictEqual([[], frames.length]);
  });

  it.each([
    ['data of a caller', fromCaller.item(5, 1, 'x'), 'DisconnectClientMux 5'],
    ['a half-close', fromCaller.halfClose(5, 1), 'DisconnectClientMux 5'],
    ['data of a responder', fromResponder.item(5, 1, 'x'), 'DisconnectServerMux 5'],
    ['an end', fromResponder.end(5, 1), 'DisconnectServerMux 5'],
    ['an AckMux', fromResponder.ack(5), 'DisconnectServerMux 5'],
    ['a Pong', fromResponder.pong(5, 1), 'DisconnectServerMux 5'],
  ])('%s: answers the other side once per turn', (_what, frame, answer) => {
    const end = loneEngine();
    end.receive(frame, frame, frame);
    expect(end.sent()).toStrictEqual([answer]);
    end.receive(frame);
    expect(end.sent()).toStrictEqual([answer]);
    expect(end.engine.stats.unknownMuxFrames).toBe(4);
  });

  it('answers a Ping: the mux is not known', () => {
    const end = loneEngine();
    end.receive(fromCaller.ping(2n ** 60n, 7));
    const [pong] = end.sink.frames;
    expect(plain(end.sent())).toStrictEqual(['Pong 1152921504606846976 #7']);
    expect([...pong!.payload]).toStrictEqual([...fromResponder.pong(1, 1, { unknown: true }).payload]);
  });

  it('answers those on a unary call, too', () => {
    const end = loneEngine();
    end.serveUnary(1);
    end.receive(fromCaller.request(5), fromCaller.item(5, 1, 'x'), fromCaller.credit(5, 2));
    expect(end.sent()).toStrictEqual(['DisconnectClientMux 5']);
    end.receive(fromCaller.ping(5, 1));
    expect(plain(end.sent())).toStrictEqual(['Pong 5 #1']);
    expect(end.engine.open.incoming).toBe(1);
  });

  it('leaves the mux of the other direction alone', () => {
    const { a, b, turn } = linkEngines();
    const streams = { a: a.serveStream(2, 4, 4), b: b.serveStream(2, 4, 4) };
    const [one, two] = [a.open(2, { inCapacity: 4 }), b.open(2, { inCapacity: 4 })];
    turn();
    // Both are mux 1, one per direction.
    one.mux.cancel(cancelled);
    turn();
    two.send('x');
    streams.a[0]!.send('y');
    turn();
    expect([streams.b[0]!.received, streams.a[0]!.received, two.received]).toStrictEqual([
      ['ended: cancelled'],
      ['x'],
      ['y'],
    ]);
  });
});

describe('bounds', () => {
  const limits = { maxOpenMuxes: 2, maxUnaryBytes: 10, maxSendQueueBytes: 1000 };

  function limitOf(act: () => unknown): string | undefined {
    try {
      act();
    } catch (error) {
      expect(error).toBeInstanceOf(LimitError);
      expect((error as LimitError).message).toContain((error as LimitError).limit);
      return (error as LimitError).limit;
    }
    return undefined;
  }

  it('maxOpenMuxes holds for calls of this side', () => {
    const end = loneEngine({ limits });
    const call = end.request(1);
    end.open(2);
    expect(limitOf(() => end.request(1))).toBe('maxOpenMuxes');
    expect(limitOf(() => end.open(2))).toBe('maxOpenMuxes');
    call.mux.cancel();
    expect(limitOf(() => end.open(2))).toBe(undefined);
    // The ones that were refused took no id.
    expect(end.sent()[1]).toBe('ConnectMux 2 handler 2 Eof PayloadIsZero');
  });

  it('maxOpenMuxes holds for calls of the other side', () => {
    const end = loneEngine({ limits });
    const calls = end.serveUnary(1);
    end.serveStream(2, 0, 1);
    end.receive(fromCaller.request(1), fromCaller.connectMux(2), fromCaller.request(3), fromCaller.connectMux(4));
    expect(plain(end.sent())).toStrictEqual([
      'AckMux 2',
      'MuxConnectError 3 handler 1 60000 ms Eof',
      'MuxConnectError 4 handler 2',
    ]);
    calls[0]!.mux.respond(null);
    end.receive(fromCaller.request(3));
    expect([calls.length, end.engine.open.incoming]).toStrictEqual([2, 2]);
  });

  it('maxUnaryBytes holds for requests', () => {
    const end = loneEngine({ limits });
    expect(limitOf(() => end.request(1, 'x'.repeat(11)))).toBe('maxUnaryBytes');
    expect(limitOf(() => end.request(1, 'x'.repeat(10)))).toBe(undefined);
    expect(end.engine.open.outgoing).toBe(1);
  });

  it('maxUnaryBytes holds for responses: the caller gets the error', () => {
    const end = loneEngine({ limits });
    end.serveUnary(1, (mux, payload) => mux.respond(new Uint8Array(Number(payload[0]))));
    end.receive(
      fromCaller.request(1, { payload: Uint8Array.of(10) }),
      fromCaller.request(2, { payload: Uint8Array.of(11) }),
    );
    const [fits, tooLarge] = end.sent();
    expect(fits).toMatch(/^Response 1 Eof [<"]/);
    expect(tooLarge).toMatch(/^Response 2 Eof PayloadIsErr "The response has 11 bytes, and maxUnaryBytes is 10/);
  });

  it('maxSendQueueBytes holds for new calls and for responses', () => {
    const end = loneEngine({ limits: { maxSendQueueBytes: 100_000 } });
    const calls = end.serveUnary(1);
    end.receive(fromCaller.request(1), fromCaller.request(2));
    end.sink.bufferedBytes = 300_000;
    end.request(1);
    end.sent();
    end.sink.bufferedBytes = 0;
    for (let count = 0; count < 3; count++) end.request(1, 'x'.repeat(30_000));
    expect(limitOf(() => end.request(1, 'x'.repeat(30_000)))).toBe('maxSendQueueBytes');
    calls[0]!.mux.respond(new Uint8Array(100_000 - 3 * 30_000 - 4 * queuedFrameBytes));
    expect(end.engine.schedule.queuedBytes).toBe(100_000);
    expect(limitOf(() => end.request(1, 'x'.repeat(500)))).toBe('maxSendQueueBytes');
    expect(limitOf(() => end.open(2, { payload: 'x'.repeat(500) }))).toBe('maxSendQueueBytes');
    calls[1]!.mux.respond(new Uint8Array(500));
    expect(end.engine.schedule.queuedBytes).toBeLessThan(101_000);
    end.engine.drained();
    expect(plain(end.sent()).at(-1)).toBe('Response 2 Eof PayloadIsErr');
    expect([limitOf(() => end.request(1, 'x'.repeat(500))), end.faults]).toStrictEqual([undefined, []]);
  });

  it('never exceeds a tiny maxSendQueueBytes, and tolerates what the socket holds', () => {
    const end = loneEngine({ limits: { maxSendQueueBytes: 1_000 } });
    end.sink.bufferedBytes = 300_000;
    end.request(1);
    end.sent();
    end.sink.bufferedBytes = 256 << 10;
    const refused = [];
    for (let size = 0; size < 600; size += 20) {
      const limit = limitOf(() => end.request(1, 'x'.repeat(size)));
      expect(end.engine.schedule.queuedBytes).toBeLessThanOrEqual(1_000);
      if (limit !== undefined) refused.push(limit);
    }
    expect(refused.length).toBeGreaterThan(20);
    expect(new Set(refused)).toStrictEqual(new Set(['maxSendQueueBytes']));
    // One that need not wait is none of the queue's.
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    expect([limitOf(() => end.request(1, 'x'.repeat(5_000))), end.faults]).toStrictEqual([undefined, []]);
  });

  it('maxSendQueueBytes holds for what a call has beside its payload', () => {
    const end = loneEngine({ limits: { maxSendQueueBytes: 1_000 } });
    end.sink.bufferedBytes = 300_000;
    const sink = { route: 'r', next: nothing, end: nothing } as unknown as Parameters<typeof end.engine.request>[3];
    const address = { handler: 1, subroute: new Uint8Array(32) };
    // The first one is written to the socket.
    end.engine.request(address, new Uint8Array(1), Infinity, sink);
    end.sent();
    const fits = 1_000 - queuedFrameBytes - 32;
    expect(limitOf(() => end.engine.request(address, new Uint8Array(fits + 1), Infinity, sink))).toBe(
      'maxSendQueueBytes',
    );
    expect(limitOf(() => end.engine.request(address, new Uint8Array(fits), Infinity, sink))).toBe(undefined);
    expect(end.engine.schedule.queuedBytes).toBe(1_000);
  });

  it('reports one fault when socket and queue hold four times maxSendQueueBytes', () => {
    const end = loneEngine({ limits: { maxSendQueueBytes: 1 << 20, maxUnaryBytes: 30_000 } });
    const calls = end.serveUnary(1);
    end.receive(...Array.from({ length: 200 }, (_, index) => fromCaller.request(index)));
    end.sink.bufferedBytes = 4 << 20;
    end.sink.onSend = () => {
      end.sink.bufferedBytes = 4 << 20;
    };
    for (const { mux } of calls) mux.respond(new Uint8Array(30_000));
    end.runtime.turn();
    expect(end.faults.map(({ message }) => message)).toStrictEqual([expect.stringContaining('does not read')]);
    expect(end.leftovers).toStrictEqual(nothing);
  });
});

describe('the round trip', () => {
  it('is at most the duration of the fastest call', () => {
    const end = loneEngine();
    expect(end.engine.turn.roundTrip).toBe(Infinity);
    const answers = [30, 5, 40].map((took) => {
      const { mux } = end.request(1);
      end.sent();
      end.runtime.advance(took);
      end.receive(fromResponder.response(mux.id, 'x'));
      end.runtime.turn();
      return end.engine.turn.roundTrip;
    });
    expect(answers).toStrictEqual([30, 5, 5]);
  });
});

describe('close', () => {
  it('ends every mux once, and sends nothing afterwards', () => {
    const end = loneEngine();
    const served = end.serveUnary(1);
    const streams = end.serveStream(2, 4, 4);
    const [call, stream] = [end.request(1), end.open(2, { inCapacity: 4 })];
    end.receive(fromCaller.request(1), fromCaller.connectMux(2), fromResponder.ack(2), fromCaller.item(2, 1, 'x'));
    end.sent();
    streams[0]!.release();
    end.engine.sendControl(Op.Ping, bytesOf('p'));
    end.engine.close();
    end.engine.close();
    // Everything that may be called later.
    call.mux.cancel();
    stream.mux.cancel(cancelled);
    stream.send('late');
    stream.mux.halfClose();
    stream.release();
    served[0]!.mux.respond(bytesOf('x'.repeat(100_000)));
    streams[0]!.send('late');
    streams[0]!.mux.complete();
    end.engine.sendControl(Op.Ping, bytesOf('p'));
    end.engine.receive(messageOf([fromCaller.request(9), fromCaller.item(2, 2, 'y')]));
    end.engine.drained();
    expect([call.received, stream.received, served[0]!.cancelled, streams[0]!.received]).toStrictEqual([
      ['disconnected'],
      ['ended: disconnected'],
      ['disconnected'],
      ['x', 'ended: disconnected'],
    ]);
    expect([end.sent(), served.length, end.leftovers, end.runtime.scheduled]).toStrictEqual([[], 1, nothing, 0]);
  });

  it('ends each mux once although a sink cancels and calls when it is notified', () => {
    const end = loneEngine();
    const calls = Array.from({ length: 20_000 }, () => end.request(1));
    const streams = Array.from({ length: 10 }, () => end.open(2, { inCapacity: 1 }));
    end.sent();
    const refused: unknown[] = [];
    calls[0]!.then = () => {
      // More cancel frames than fit in one batch.
      for (const call of calls) call.mux.cancel();
      for (const stream of streams) stream.mux.cancel(cancelled);
      try {
        end.request(1);
      } catch (error) {
        refused.push(error);
      }
    };
    end.engine.close();
    expect(calls[0]!.received).toStrictEqual(['disconnected']);
    // Those that were cancelled in time hear nothing more, or the reason.
    expect(new Set(calls.slice(1).map(({ received }) => received.length))).toStrictEqual(new Set([0]));
    expect(new Set(streams.map(({ received }) => received.join()))).toStrictEqual(new Set(['ended: cancelled']));
    expect(refused).toMatchObject([{ code: 'disconnected', sent: false }]);
    expect([end.sent(), end.leftovers, end.runtime.scheduled]).toStrictEqual([[], nothing, 0]);
  });

  it('accepts no further calls', () => {
    const end = loneEngine();
    end.engine.close();
    expect(() => end.request(1)).toThrow('remote disconnected');
    expect(() => end.open(2)).toThrow('remote disconnected');
    expect([end.leftovers, end.runtime.scheduled]).toStrictEqual([nothing, 0]);
  });

  it('stops reading the message when called from within an item', () => {
    const end = loneEngine();
    const stream = end.open(2);
    stream.onItem = () => end.engine.close();
    end.sent();
    end.receive(fromResponder.item(1, 1, 'a'), fromResponder.item(1, 2, 'b'), frameOf(Op.Ping, 0));
    expect([stream.received, end.controls]).toStrictEqual([['a', 'ended: disconnected'], []]);
  });
});

describe('re-entrancy', () => {
  it('a response may start further calls and cancel others', () => {
    const { a, b, turn } = linkEngines();
    b.serveUnary(1, (mux, payload) => mux.respond(payload));
    const received: string[] = [];
    const other = a.request(77);
    const again = (left: number): void => {
      const call = a.request(1, String(left));
      call.then = () => {
        received.push(...call.received);
        other.mux.cancel();
        if (left > 0) again(left - 1);
      };
    };
    again(3);
    turn();
    expect(received).toStrictEqual(['3', '2', '1', '0']);
    expect([a.leftovers, b.leftovers]).toStrictEqual([nothing, nothing]);
  });

  /** Links two engines so that a message arrives within `send`. */
  function linkSynchronously(): { a: EngineEnd; b: EngineEnd; runtime: ManualRuntime } {
    const runtime = new ManualRuntime();
    const [a, b] = [new EngineEnd({ runtime }), new EngineEnd({ runtime })];
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.sink.onSend = () => {
        for (const message of from.sink.take()) to.engine.receive(message);
      };
    }
    return { a, b, runtime };
  }

  it('a message that arrives while another one is read is queued', () => {
    const end = loneEngine();
    const stream = end.open(2);
    end.sent();
    stream.onItem = (item) => {
      if (item === 'a') end.engine.receive(messageOf([fromResponder.item(1, 3, 'c')]));
    };
    end.receive(fromResponder.item(1, 1, 'a'), fromResponder.item(1, 2, 'b'));
    expect(stream.received).toStrictEqual(['a', 'b', 'c']);
  });

  it('two ends that answer each other within send() preserve the order', () => {
    // Large items leave at once, so each end hears the other one from within its own item().
    const { a, b, runtime } = linkSynchronously();
    const large = 'x'.repeat(40_000);
    const streams = b.serveStream(2, 64, 64, (stream) => {
      stream.onItem = (item) => {
        stream.send(`${item}-1-${large}`, `${item}-2`, `${item}-3-${large}`);
        stream.release();
      };
    });
    const caller = a.open(2, { inCapacity: 64, outCapacity: 64 });
    runtime.turn();
    const received: string[] = [];
    let sent = 0;
    const send = (): void => {
      if (sent < 20) caller.send(`${sent++}:${large}`);
    };
    caller.onItem = (item) => {
      received.push(item.replaceAll(/x+/g, ''));
      caller.release();
      send();
    };
    send();
    runtime.turn();
    expect(streams[0]!.received).toHaveLength(20);
    expect(received).toStrictEqual(
      Array.from({ length: 20 }, (_, index) => [`${index}:-1-`, `${index}:-2`, `${index}:-3-`]).flat(),
    );
    expect([a.faults, b.faults, caller.error]).toStrictEqual([[], [], undefined]);
  });

  it('items that arrive while credit is being sent get their own credit sent, too', () => {
    const { a, b, runtime } = linkSynchronously();
    // More credit frames than one message holds: the first message leaves while the others are written.
    const count = 2_000;
    const answering = 50;
    const streams = b.serveStream(2, 0, 1);
    const callers = Array.from({ length: count }, () => a.open(2, { outCapacity: 1 }));
    for (const caller of callers) caller.autoRelease = true;
    runtime.turn();
    const large = 'x'.repeat(40_000);
    for (const [index, stream] of streams.entries()) {
      // Leaves at once, within the turn of the other side. Nothing answers the frames that leave at its end.
      stream.onWritable = () => {
        if (index < answering && stream.writables === 1) stream.send(large);
      };
      stream.send('first');
    }
    runtime.turn();
    expect(streams.map(({ writables }) => writables)).toStrictEqual(
      streams.map((_, index) => (index < answering ? 2 : 1)),
    );
  });

  it('a sink that drains at once, or stays full for a while, loses nothing', () => {
    const { a, b, runtime } = linkSynchronously();
    const streams = b.serveStream(2, 500, 1);
    const caller = a.open(2, { inCapacity: 500 });
    runtime.turn();
    const deliver = a.sink.onSend!;
    let count = 0;
    a.sink.onSend = (message) => {
      a.sink.bufferedBytes = ++count % 3 === 0 ? 1 << 20 : 0;
      deliver(message);
      a.engine.drained();
    };
    const items = Array.from({ length: 200 }, (_, index) => `${index} ${'x'.repeat((index % 5) * 10_000)}`);
    caller.send(...items);
    caller.mux.halfClose();
    for (let round = 0; round < 300; round++) {
      a.sink.bufferedBytes = 0;
      a.engine.drained();
      runtime.turn();
    }
    expect(streams[0]!.received).toStrictEqual([...items, 'input ended']);
  });
});

it('is fair: a small call overtakes bulk transfers that fill the socket', () => {
  const end = loneEngine();
  const large = 'x'.repeat(64 << 10);
  const transfers = end.serveStream(2, 0, 1000);
  end.receive(fromCaller.connectMux(1), fromCaller.connectMux(2));
  end.sink.onSend = () => {
    end.sink.bufferedBytes += large.length;
  };
  for (const stream of transfers) {
    stream.onWritable = () => {
      while (stream.mux.writable) stream.send(large);
    };
    stream.onWritable();
  }
  end.runtime.turn();
  const before = end.sink.frames.length;
  end.request(1, 'small', 100);
  for (let round = 0; round < 8; round++) {
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    end.runtime.turn();
  }
  const after = end.sink.frames.slice(before);
  // It was the only one that waited in the queue, and so it is the next to leave.
  expect(after[0]?.op).toBe(Op.Request);
  const of = (id: number): number => after.filter(({ op, muxId }) => op === Op.MuxServerMsg && muxId === id).length;
  expect(of(1)).toBeGreaterThan(10);
  expect(Math.abs(of(1) - of(2))).toBeLessThanOrEqual(6);
});

it('counts calls, messages and bytes', () => {
  const { a, b, turn } = linkEngines();
  b.serveUnary(1, (mux) => mux.respond(null));
  a.request(1);
  turn();
  expect(a.engine.stats).toMatchObject({ callsOut: 1, callsIn: 0, messagesIn: 1, unknownMuxFrames: 0 });
  expect(b.engine.stats).toMatchObject({ callsOut: 0, callsIn: 1, messagesIn: 1 });
  expect(b.engine.stats.bytesIn).toBeGreaterThan(0);
});

describe('a sink or a responder that throws', () => {
  const boom = new Error('boom');
  const throwBoom = (): never => {
    throw boom;
  };

  it('keeps no other frame of the message from its mux', () => {
    const end = loneEngine();
    end.serve(1, { kind: 'unary', respond: throwBoom });
    const calls = end.serveUnary(2);
    end.receive(fromCaller.request(1, { handler: 1 }), fromCaller.request(2, { handler: 2 }));
    expect(calls).toHaveLength(1);
    expect(end.thrown).toStrictEqual([boom]);
    expect(end.faults).toStrictEqual([]);
  });

  it('keeps no other mux from being notified of the end of the connection', () => {
    const end = loneEngine();
    const ends: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      end.engine.request({ handler: 1 }, bytesOf(name), Infinity, {
        route: name,
        response: throwBoom,
        failed: ({ code }) => {
          ends.push(`${name} ${code}`);
          throwBoom();
        },
      });
    }
    end.engine.close();
    expect(ends).toStrictEqual(['a disconnected', 'b disconnected', 'c disconnected']);
    expect(end.thrown).toStrictEqual([boom, boom, boom]);
    expect(end.engine.open).toStrictEqual({ outgoing: 0, incoming: 0 });
  });
});

// Every error has a cost, and there may be 131 072 calls in each direction.
describe('the loss of a connection with many calls', () => {
  it('creates one error without a stack for each caller, and one shared by all handlers', () => {
    const end = loneEngine();
    const reasons: unknown[] = [];
    end.serve(1, {
      kind: 'unary',
      respond: (mux) => {
        mux.attach({ cancelled: (reason) => reasons.push(reason) });
      },
    });
    const streams = end.serveStream(2, 4, 4);
    for (let id = 1; id <= 20; id += 2) {
      end.receive(fromCaller.request(id, { handler: 1 }), fromCaller.connectMux(id + 1, { handler: 2 }));
    }
    const calls = Array.from({ length: 10 }, () => [end.request(1), end.open(2)]).flat();
    end.runtime.turn();
    end.engine.close();
    reasons.push(...streams.map(({ error }) => error));
    expect(reasons).toHaveLength(20);
    expect(new Set(reasons).size).toBe(1);
    const errors = calls.map(({ error }) => error!);
    expect(errors.map(({ code }) => code)).toStrictEqual(new Array(20).fill('disconnected'));
    expect(new Set(errors).size).toBe(20);
    for (const { stack } of [...errors, reasons[0] as Error]) {
      expect(stack).toBe('DisconnectedError: remote disconnected');
    }
  });
});
