import { describe, expect, it } from '@jest/globals';
import { NEVER, Subject } from 'rxjs';
import { answerPing } from '../../lib/connection/keepalive.js';
import { Link, type ObservedFrame } from '../../lib/connection/link.js';
import type { CallerStream } from '../../lib/mux/stream/caller-stream.js';
import type { ResponderStream } from '../../lib/mux/stream/responder-stream.js';
import { answerCalls } from '../../lib/mux/incoming-frames.js';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import { ProtocolError } from '../../lib/errors.js';
import {
  decodeDrainNotice,
  decodePong,
  encodeConnectError,
  encodeDrainNotice,
  encodePing,
} from '../../lib/wire/payloads/control.js';
import type { WireMessage } from '../../lib/wire/batch.js';
import { decodeFrames } from '../../lib/wire/decode.js';
import type { Frame } from '../../lib/wire/frame.js';
import { Flag, Op } from '../../lib/wire/ops.js';
import { ResponseRecorder, StreamRecorder, testChecksum, windowOf } from '../support/protocol/engines.js';
import { bytesOf, frameOf, fromCaller, fromResponder, lineOf, messageOf } from '../support/protocol/frames.js';
import { agreed, linkedPair, TestConnection } from '../support/protocol/links.js';
import { ManualRuntime } from '../support/manual-runtime.js';
import { collectUnhandled, reported } from '../support/unhandled.js';

const silence = new Error('The other side has not answered a ping for two intervals.');

/** A link whose other end is the test. */
function lone(agreement = agreed) {
  const runtime = new ManualRuntime();
  const a = new TestConnection(runtime);
  a.serveEcho();
  const [near, far] = linkedSockets();
  const frames: Frame[] = [];
  const ends: unknown[] = [];
  far.inbound.subscribe({
    next: (message) => frames.push(...decodeFrames(message, testChecksum.hash)),
    error: (error: unknown) => ends.push(error),
    complete: () => ends.push('closed'),
  });
  const link = a.link(near, agreement);
  const closed: unknown[] = [];
  link.closed.subscribe({ next: (error) => closed.push(error), complete: () => closed.push('complete') });
  /** Sends frames to the link. */
  const receive = (...sent: Frame[]): void => {
    far.outbound.next(messageOf(sent, testChecksum.hash));
    runtime.turn();
  };
  return { runtime, a, link, far, frames, ends, closed, receive };
}

describe('a link', () => {
  it('ends once when the other side closes or breaks, or it is closed here, also for late listeners', () => {
    for (const end of ['closes', 'breaks', 'here'] as const) {
      const { runtime, link, far, closed, ends } = lone();
      const broken = new Error('cut');
      if (end === 'closes') far.outbound.complete();
      else if (end === 'breaks') far.outbound.error(broken);
      else link.close();
      expect(link.open).toBe(false);
      const [reason, complete] = closed;
      expect(complete).toBe('complete');
      if (end === 'closes') expect(reason).toStrictEqual(new Error('The other side closed the connection.'));
      else expect(reason).toBe(end === 'breaks' ? broken : undefined);
      if (end === 'here') expect(ends).toStrictEqual(['closed']);
      link.close();
      const late: unknown[] = [];
      link.closed.subscribe((error) => late.push(error));
      expect(late).toStrictEqual([reason]);
      expect(runtime.scheduled).toBe(0);
    }
  });

  it('accepts an error that is not an Error', () => {
    const { far, closed } = lone();
    far.outbound.error('odd');
    expect(closed[0]).toStrictEqual(new Error('odd'));
  });

  it('destroys the socket where the other side breaks the protocol', () => {
    const { runtime, far, closed, ends } = lone();
    far.outbound.next(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    expect(closed[0]).toBeInstanceOf(ProtocolError);
    expect(ends).toStrictEqual([closed[0]]);
    expect(runtime.scheduled).toBe(0);
  });

  it('does nothing more after its end', () => {
    const { runtime, link, far, frames, receive } = lone();
    link.close();
    receive(fromCaller.request(1));
    far.outbound.error(new Error('late'));
    link.ping();
    link.engine.receive(messageOf([fromCaller.request(1)]));
    runtime.turn();
    expect(frames).toStrictEqual([]);
    expect(runtime.scheduled).toBe(0);
  });

  it('is notified of its end before its calls are', () => {
    const { link, far } = lone();
    const order: string[] = [];
    link.closed.subscribe(() => order.push('closed'));
    const call = new ResponseRecorder();
    call.then = () => order.push('call');
    link.engine.request({ handler: 1 }, bytesOf('x'), 1e15, call);
    far.outbound.complete();
    expect(order).toStrictEqual(['closed', 'call']);
  });

  it('numbers its muxes from 2^40 towards a reference peer', () => {
    const { runtime, link, frames } = lone({ ...agreed, extended: false });
    link.engine.request({ handler: 1 }, bytesOf('x'), runtime.now() + 1_000, new ResponseRecorder());
    runtime.turn();
    expect(frames.map(({ muxId }) => muxId)).toStrictEqual([2 ** 40]);
  });

  it('sends checksums where that was agreed', () => {
    for (const sendChecksum of [true, false]) {
      const { frames, receive } = lone({ ...agreed, sendChecksum });
      receive(fromCaller.request(1, { payload: 'x' }));
      expect(frames.map(({ op, flags }) => [op, (flags & Flag.Crc) !== 0])).toStrictEqual([
        [Op.Response, sendChecksum],
      ]);
    }
  });

  it('continues when the socket has drained', () => {
    const runtime = new ManualRuntime();
    const a = new TestConnection(runtime);
    const sent: WireMessage[] = [];
    const drained = new Subject<void>();
    const socket = {
      inbound: NEVER,
      outbound: { next: (message: WireMessage) => void sent.push(message), error: () => {}, complete: () => {} },
      bufferedBytes: 0,
      drained,
    };
    const link = a.link(socket);
    const request = (): void => {
      link.engine.request({ handler: 1 }, bytesOf('x'), runtime.now() + 1_000, new ResponseRecorder());
      runtime.turn();
    };
    socket.bufferedBytes = 1 << 20;
    request();
    request();
    const before = sent.length;
    socket.bufferedBytes = 0;
    drained.next();
    expect(sent.length).toBe(before + 1);
    link.close();
  });
});

describe('the pings of a link', () => {
  /** Has the link answer so many calls, each of which takes it 50 ms. */
  function slowCalls({ runtime, a }: Pick<ReturnType<typeof lone>, 'runtime' | 'a'>, count: number) {
    let answered = 0;
    a.serve(1, {
      kind: 'unary',
      respond: (mux, payload) => {
        answered++;
        runtime.block(50);
        mux.respond(payload);
      },
    });
    const requests = Array.from({ length: count }, (_, index) =>
      fromCaller.request(index + 1, { payload: 'x', deadlineMs: 1e6 }),
    );
    return { requests, answered: () => answered };
  }

  it('are answered with their sequence number, deadline and time', () => {
    const { runtime, frames, receive } = lone();
    const time = { seconds: 5, nanoseconds: 6 };
    receive(frameOf(Op.Ping, 0, { seq: 7, deadlineMs: 10_000, payload: encodePing({ time }) }));
    expect(frames).toMatchObject([{ op: Op.Pong, muxId: 0, seq: 7, deadlineMs: 10_000 }]);
    expect(decodePong(frames[0]!.payload)).toStrictEqual({ unknown: false, error: undefined, time });
    // The ping to come, and the watch for a sleep of the machine.
    expect(runtime.scheduled).toBe(2);
  });

  it('are answered before a graceful close, also where both arrive in one turn', () => {
    const { runtime, frames, far, link, ends } = lone();
    const order: string[] = [];
    far.inbound.subscribe({ next: () => order.push('message'), complete: () => order.push('closed') });
    const time = { seconds: 5, nanoseconds: 6 };
    const ping = frameOf(Op.Ping, 0, { seq: 7, deadlineMs: 10_000, payload: encodePing({ time }) });
    far.outbound.next(messageOf([ping], testChecksum.hash));
    link.close();
    runtime.turn();
    expect(frames).toMatchObject([{ op: Op.Pong, muxId: 0, seq: 7, deadlineMs: 10_000 }]);
    expect([order, ends]).toStrictEqual([['message', 'closed'], ['closed']]);
  });

  it('are sent each interval, and two without an answer end the link', () => {
    const { runtime, frames, closed, ends } = lone();
    runtime.advance(19_999);
    // The other side sends no pings either, so it gets a Pong without one.
    expect(frames.map(lineOf)).toMatchObject([
      expect.stringMatching(/^Ping 0 10000 ms /),
      expect.stringMatching(/^Pong 0 10000 ms /),
    ]);
    expect(frames[0]!.flags).toBe(0);
    expect(closed).toStrictEqual([]);
    runtime.advance(1);
    expect(closed[0]).toStrictEqual(silence);
    expect(ends).toStrictEqual([closed[0]]);
    expect(runtime.scheduled).toBe(0);
  });

  it('do not end the link where the answer waits behind messages that this side has still to read', () => {
    const { runtime, a, frames, closed, far, receive } = lone();
    const calls = 2_000;
    const { requests, answered } = slowCalls({ runtime, a }, calls);
    // The other side answers each ping at once. Its answers come behind its calls, which take this side 100 s.
    far.inbound.subscribe((message) => {
      for (const { op, seq, deadlineMs, payload } of decodeFrames(message, testChecksum.hash)) {
        if (op !== Op.Ping) continue;
        const pong = frameOf(Op.Pong, 0, { seq, deadlineMs, payload: answerPing(payload) });
        far.outbound.next(messageOf([pong], testChecksum.hash));
      }
    });
    receive(...requests);
    runtime.advance(calls * 50 + 60_000);
    expect([answered(), closed]).toStrictEqual([calls, []]);
    expect(frames.filter(({ op }) => op === Op.Ping).length).toBeGreaterThan(8);
  });

  it('end the link where the other side is silent after a backlog of its messages was read', () => {
    const { runtime, a, closed, receive } = lone();
    receive(...slowCalls({ runtime, a }, 1_000).requests);
    runtime.advance(59_000);
    expect(closed).toStrictEqual([]);
    runtime.advance(3_000);
    expect(closed[0]).toStrictEqual(silence);
  });

  it.each([
    ['another rxgrid host: an empty one', true],
    ['a reference peer: the last one again', false],
  ])('are answered late by a side that is behind; it sends a Pong by itself to %s', (_, extended) => {
    const { runtime, a, frames, receive } = lone({ ...agreed, extended });
    const time = { seconds: 5, nanoseconds: 6 };
    receive(frameOf(Op.Ping, 0, { seq: 7, deadlineMs: 10_000, payload: encodePing({ time }) }));
    receive(...slowCalls({ runtime, a }, 700).requests);
    runtime.advance(34_000);
    const pongs = frames.filter(({ op }) => op === Op.Pong);
    const answer = [0, 7, time];
    const own = extended ? [0, 0, undefined] : answer;
    expect(pongs.map(({ muxId, seq, payload }) => [muxId, seq, decodePong(payload).time])).toStrictEqual([
      answer,
      own,
      own,
    ]);
  });

  it.each([
    ['two rxgrid hosts', true],
    ['an rxgrid host and a reference peer', false],
  ])('keep %s connected while one of them is behind with reading for 100 s', (_, extended) => {
    const runtime = new ManualRuntime();
    const [a, b] = [new TestConnection(runtime), new TestConnection(runtime.forAnotherProcess())];
    const [near, far] = linkedSockets();
    const agreement = { ...agreed, extended };
    const [behind, other] = [a.link(near, agreement), b.link(far, agreement)];
    const closed: unknown[] = [];
    for (const link of [behind, other]) link.closed.subscribe((error) => closed.push(error));
    const pings: number[] = [];
    behind.frames$.subscribe(({ direction, frame, at }) => {
      if (direction === 'out' && frame.op === Op.Ping && frame.muxId === 0) pings.push(at);
    });
    a.serve(1, {
      kind: 'unary',
      respond: (mux, payload) => {
        runtime.block(50);
        mux.respond(payload);
      },
    });
    a.serve(2, {
      kind: 'duplex',
      inWindow: undefined,
      outWindow: windowOf(4),
      open: (mux) => {
        mux.attach(new StreamRecorder<ResponderStream>('handler'));
      },
    });
    for (const link of [behind, other]) link.ping();
    runtime.advance(100);
    const stream = new StreamRecorder<CallerStream>('caller');
    stream.mux = other.engine.openStream({
      address: { handler: 2 },
      payload: bytesOf(''),
      outWindow: windowOf(4),
      inCapacity: 0,
      deadline: Infinity,
      sink: stream,
      meta: undefined,
    });
    runtime.advance(100);
    const began = runtime.now();
    const calls = Array.from({ length: 2_000 }, () => {
      const call = new ResponseRecorder();
      other.engine.request({ handler: 1 }, bytesOf('x'), began + 1e6, call);
      return call;
    });
    pings.length = 0;
    runtime.advance(130_000);
    expect(closed).toStrictEqual([]);
    expect(calls.every(({ received }) => received.length === 1)).toBe(true);
    // One per interval, though late by the 16 slow frames between two looks at the clock.
    expect(pings.length).toBeLessThanOrEqual(13);
    // The pings of the stream get no answer either. A reference peer may give it up for that.
    if (extended) expect(stream.received).toStrictEqual([]);
    for (const link of [behind, other]) link.close();
    runtime.advance(100);
    expect(runtime.scheduled).toBe(0);
  });

  it('keep two links alive indefinitely, and measure', () => {
    const { runtime, a, b } = linkedPair();
    expect(a.connection.stats.rtt).toBe(0);
    runtime.advance(300_000);
    expect([a.connection.state.connects, b.connection.state.status]).toStrictEqual([1, 'connected']);
  });

  it.each([
    ['Ping', Op.Ping],
    ['Pong', Op.Pong],
  ])('end the link where a %s is malformed', (_, op) => {
    const { closed, receive } = lone();
    receive(frameOf(op, 0, { payload: 'garbage' }));
    expect(closed[0]).toBeInstanceOf(ProtocolError);
  });

  it('ignore late or reserved control frames', () => {
    const { link, frames, receive } = lone({ ...agreed, drain: false });
    for (const op of [Op.Connect, Op.ConnectResponse, Op.Disconnect, 0, 18, 127]) {
      receive(frameOf(op, 0, { payload: 'garbage' }));
    }
    expect(link.open).toBe(true);
    expect(frames).toStrictEqual([]);
  });
});

describe('frames$', () => {
  it('shows the frames of both directions, and completes at the end', () => {
    const { runtime, a } = linkedPair();
    const seen: ObservedFrame[] = [];
    let completed = false;
    a.connection.frames$.subscribe((frame) => seen.push(frame));
    a.connection.link!.frames$.subscribe({ complete: () => (completed = true) });
    a.call();
    runtime.turn();
    expect(seen.map(({ direction, at, frame }) => [direction, at, lineOf(frame)])).toStrictEqual([
      ['out', runtime.wallNow(), 'Request 1 handler 1 60000 ms Eof "x"'],
      ['in', runtime.wallNow(), 'Response 1 Eof "x"'],
    ]);
    a.connection.link!.close();
    expect(completed).toBe(true);
  });

  it('continues across reconnects', () => {
    const { runtime, a, b, sockets } = linkedPair();
    const seen: string[] = [];
    a.connection.frames$.subscribe(({ frame }) => seen.push(lineOf(frame)));
    sockets[1].outbound.error(new Error('cut'));
    const [near, far] = linkedSockets();
    b.open(far);
    a.open(near);
    a.call();
    runtime.turn();
    expect(seen).toContain('Response 1 Eof "x"');
  });

  it('decodes only while there is a subscriber', () => {
    let hashed = 0;
    const counting = {
      ...testChecksum,
      hash: (bytes: Uint8Array) => {
        hashed++;
        return testChecksum.hash(bytes);
      },
    };
    const runtime = new ManualRuntime();
    const a = new TestConnection(runtime);
    const [near, far] = linkedSockets();
    const link = new Link({
      socket: near,
      runtime,
      limits: a.limits,
      running: a.connection.running,
      checksum: counting,
      agreement: agreed,
      remoteId: new Uint8Array(16),
      caller: { name: 'http://b', kind: 'host' },
      find: () => 'nothing here',
      incoming: answerCalls,
      disconnected: (sent) => a.connection.disconnected(sent),
    });
    const message = messageOf([frameOf(100, 0, { flags: Flag.Crc })], testChecksum.hash);
    const count = (): number => {
      hashed = 0;
      far.outbound.next(message);
      return hashed;
    };
    expect(count()).toBe(1);
    const looking = link.frames$.subscribe();
    expect(count()).toBe(2);
    looking.unsubscribe();
    expect(count()).toBe(1);
    link.close();
  });

  it('survives messages that do not parse', () => {
    const { far, link, closed } = lone();
    const seen: ObservedFrame[] = [];
    link.frames$.subscribe((frame) => seen.push(frame));
    far.outbound.next(Uint8Array.of(0x97));
    expect(seen).toStrictEqual([]);
    expect(closed[0]).toBeInstanceOf(ProtocolError);
  });

  it('emits copies: emitted frames do not change', () => {
    const { runtime, far, link } = lone();
    const seen: ObservedFrame[] = [];
    link.frames$.subscribe((frame) => seen.push(frame));
    const message = messageOf([fromCaller.request(1, { payload: 'x' })]);
    far.outbound.next(message);
    message.fill(0);
    runtime.turn();
    expect(seen.map(({ frame }) => lineOf(frame))).toContain('Request 1 handler 1 60000 ms Eof "x"');
  });
});

it('sends no call that is made while what came before the end of its socket is read', () => {
  const { runtime, link, far, receive, closed } = lone();
  Object.assign(runtime, { buggify: (what: string) => what === 'a slice is used up at once' });
  receive(frameOf(Op.ConnectResponse, 0), frameOf(Op.ConnectResponse, 0));
  far.outbound.complete();
  const calls = [new ResponseRecorder(), new ResponseRecorder()];
  for (const call of calls) {
    link.engine.request({ handler: 1 }, bytesOf('x'), 1e15, call);
    runtime.turn();
  }
  const { bytesOut } = link.engine.stats;
  expect(closed).toStrictEqual([]);
  runtime.advance(0);
  expect(calls.map(({ error }) => error)).toMatchObject([{ sent: false }, { sent: false }]);
  expect(link.engine.stats.bytesOut).toBe(bytesOut);
});

describe('a socket that throws', () => {
  const thrown = collectUnhandled();

  it('reads everything in order where the socket throws when it is to pause and to go on', async () => {
    const runtime = new ManualRuntime();
    const a = new TestConnection(runtime);
    const calls: unknown[] = [];
    a.serve(1, { kind: 'unary', respond: (mux) => void calls.push(mux.id) });
    const inbound = new Subject<Uint8Array>();
    const failing = (): never => {
      throw new Error('out of order');
    };
    a.link({
      inbound,
      outbound: { next: () => {}, error: () => {}, complete: () => {} },
      bufferedBytes: 0,
      drained: NEVER,
      pause: failing,
      resume: failing,
    });
    Object.assign(runtime, { buggify: (what: string) => what === 'a slice is used up at once' });
    inbound.next(messageOf([fromCaller.request(1), fromCaller.request(2)], testChecksum.hash));
    inbound.next(messageOf([fromCaller.request(3)], testChecksum.hash));
    runtime.advance(1);
    await reported();
    expect(calls).toStrictEqual([1, 2, 3]);
    expect(thrown).toContainEqual(new Error('out of order'));
  });
});

it('counts messages and bytes, also of fragments', () => {
  const { runtime, a, b } = linkedPair();
  const before = a.connection.stats;
  const sent: number[] = [];
  const far = b.connection.stats;
  const call = new ResponseRecorder();
  a.connection.engine!.request({ handler: 1 }, new Uint8Array(100_000), runtime.now() + 1_000, call);
  runtime.turn();
  sent.push(a.connection.stats.bytesOut - before.bytesOut, b.connection.stats.bytesIn - far.bytesIn);
  expect(sent[0]).toBeGreaterThan(100_000);
  expect(sent[0]).toBe(sent[1]);
  expect(a.connection.stats.messagesOut - before.messagesOut).toBe(1);
});

it('pauses its socket while the engine is behind, and resumes it when it has caught up', () => {
  // A clock that goes on by 4 ms whenever it is read: a slice of reading takes three looks at it.
  class Slow extends ManualRuntime {
    #read = 0;
    override now(): number {
      return super.now() + 4 * this.#read++;
    }
  }
  const runtime = new Slow();
  const a = new TestConnection(runtime);
  const calls: unknown[] = [];
  a.serve(1, { kind: 'unary', respond: (mux) => void calls.push(mux.id) });
  const inbound = new Subject<Uint8Array>();
  const log: string[] = [];
  a.link({
    inbound,
    outbound: { next: () => {}, error: () => {}, complete: () => {} },
    bufferedBytes: 0,
    drained: NEVER,
    pause: () => log.push(`pause after ${calls.length < 200 ? 'some' : 'all'}`),
    resume: () => log.push(`resume after ${calls.length < 200 ? 'some' : 'all'}`),
  });
  const requests = Array.from({ length: 200 }, (_, index) => fromCaller.request(index + 1, { deadlineMs: 0 }));
  inbound.next(messageOf(requests, testChecksum.hash));
  expect(log).toStrictEqual(['pause after some']);
  for (let slice = 0; slice < 20 && calls.length < 200; slice++) runtime.advance(1);
  expect(calls).toStrictEqual(requests.map(({ muxId }) => muxId));
  expect(log[0]).toBe('pause after some');
  expect(log.filter((line) => line.startsWith('resume'))).toStrictEqual(['resume after all']);
});

describe('the drain of a link', () => {
  const notice = (reason: string, ms: number): Frame => ({
    ...frameOf(Op.Disconnect, 0),
    payload: encodeDrainNotice({ reason, ms }),
  });

  it('is announced to a side that supports it, and to no other', () => {
    for (const drain of [true, false]) {
      const { runtime, link, frames, ends } = lone({ ...agreed, drain });
      link.drain.announce('bye', 1_000.4);
      runtime.turn();
      link.drain.sayLastWord('bye');
      link.close();
      runtime.turn();
      expect(frames.map(({ payload }) => decodeDrainNotice(payload))).toStrictEqual(
        drain
          ? [
              { reason: 'bye', ms: 1_001 },
              { reason: 'bye', ms: 0 },
            ]
          : [],
      );
      expect(ends).toStrictEqual(['closed']);
      link.drain.sayLastWord('bye');
      link.close();
      link.drain.announce('bye', 1);
      runtime.turn();
      expect(frames).toHaveLength(drain ? 2 : 0);
    }
  });

  it('keeps its final notice apart from the first, however small or large the time is', () => {
    const { runtime, link, frames } = lone();
    for (const ms of [0, -5, Infinity]) link.drain.announce('x', ms);
    runtime.turn();
    expect(frames.map(({ payload }) => decodeDrainNotice(payload).ms)).toStrictEqual([1, 1, 0xffff_ffff]);
  });

  it('is reported once, however often it is announced, also to late subscribers', () => {
    const { link, receive } = lone();
    const notices: unknown[] = [];
    link.drain.notices.subscribe((each) => notices.push(each));
    for (let i = 0; i < 1_000; i++) receive(notice(`reason ${String(i)}`, 5_000));
    receive(notice('last', 0));
    receive(notice('after the last', 5_000));
    link.drain.notices.subscribe((each) => notices.push(each));
    expect(notices).toStrictEqual([
      { reason: 'reason 0', ms: 5_000 },
      { reason: 'reason 0', ms: 5_000 },
    ]);
  });

  it('fails unanswered calls as never sent, when the other side has sent its final notice', () => {
    for (const [ms, sent] of [
      [0, false],
      [500, true],
    ] as const) {
      const { runtime, link, far, receive } = lone();
      const call = new ResponseRecorder();
      link.engine.request({ handler: 1 }, bytesOf('x'), 1e15, call);
      runtime.turn();
      receive(notice('x', ms));
      far.outbound.complete();
      expect(call.error).toMatchObject({ code: 'disconnected', sent });
    }
  });

  it('is read to its final notice, with each answer, where the connection closes while the link is behind', () => {
    const { runtime, link, far, receive, frames, closed } = lone();
    const [answered, unanswered, later] = [new ResponseRecorder(), new ResponseRecorder(), new ResponseRecorder()];
    for (const call of [answered, unanswered]) link.engine.request({ handler: 1 }, bytesOf('x'), 1e15, call);
    runtime.turn();
    const sent = frames.length;
    // The first frame of each message takes the time of a slice.
    Object.assign(runtime, { buggify: (what: string) => what === 'a slice is used up at once' });
    receive(frameOf(Op.ConnectResponse, 0), fromResponder.response(1, 'ok'), notice('x', 0));
    far.outbound.complete();
    expect([closed.length, answered.received]).toStrictEqual([0, []]);
    link.engine.request({ handler: 1 }, bytesOf('x'), 1e15, later);
    runtime.turn();
    expect(frames).toHaveLength(sent);
    runtime.advance(0);
    expect(answered.received).toStrictEqual(['ok']);
    expect([unanswered, later].map(({ error }) => error)).toMatchObject([
      { code: 'disconnected', sent: false },
      { code: 'disconnected', sent: false },
    ]);
    expect(closed).toHaveLength(2);
  });

  it('fails a refused call because of the drain, not with the text of the refusal', () => {
    const { runtime, link, receive } = lone();
    const call = new ResponseRecorder();
    link.engine.request({ handler: 1 }, bytesOf('x'), 1e15, call);
    runtime.turn();
    receive(notice('x', 500));
    receive({ ...frameOf(Op.MuxConnectError, 1), payload: encodeConnectError('text') });
    expect(call.error).toMatchObject({ sent: false, retryable: true });
  });

  it('abandons a side that announces its close and does not close', () => {
    const { runtime, link, receive, closed } = lone();
    receive(notice('x', 1_000));
    // Also when it says so again and again.
    for (let i = 0; i < 50; i++) {
      runtime.advance(100);
      receive(notice('x', 1_000));
    }
    expect(link.open).toBe(true);
    runtime.advance(2_000);
    expect(link.open).toBe(false);
    expect(String(closed[0])).toMatch(/has not closed the connection/);
    expect(runtime.scheduled).toBe(0);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['garbage', bytesOf('garbage')],
    ['no reason', Uint8Array.of(0x81, 0xa2, 0x6d, 0x73, 0)],
    ['a negative time', Uint8Array.of(0x82, 0xa1, 0x72, 0xa0, 0xa2, 0x6d, 0x73, 0xff)],
    ['a time that is no number', Uint8Array.of(0x82, 0xa1, 0x72, 0xa0, 0xa2, 0x6d, 0x73, 0xc3)],
    ['bytes behind it', Uint8Array.of(...encodeDrainNotice({ reason: '', ms: 1 }), 0)],
  ])('ends the link where the notice is %s', (_, payload) => {
    const { closed, receive } = lone();
    receive({ ...frameOf(Op.Disconnect, 0), payload });
    expect(closed[0]).toBeInstanceOf(ProtocolError);
  });

  it('is what the error of a call says that the other side has dropped meanwhile: there is a connection', () => {
    const { runtime, a, b } = linkedPair();
    a.connection.link!.drain.announce('bye', 100);
    runtime.advance(1);
    expect(b.connection.disconnected(true).message).toBe(
      `The call was dropped by ${b.connection.host}, which drains and takes no new calls. The call may have reached it.`,
    );
  });

  it('shows the reason of the other side without control characters, and truncated', () => {
    const { runtime, a, b } = linkedPair();
    a.connection.link!.drain.announce(`\u001b[31m${'x'.repeat(100_000)}`, 100);
    runtime.advance(1);
    const { status, reason } = b.connection.state;
    expect(status).toBe('draining');
    expect(reason).not.toContain('\u001b');
    expect(reason!.length).toBeLessThan(20_000);
  });
});
