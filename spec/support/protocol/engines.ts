import { CancelledError, DisconnectedError, type GridError, type ProtocolError } from '../../../lib/errors.js';
import { defaultLimits, type Limits, type CreditWindow } from '../../../lib/limits.js';
import type { CallerStream } from '../../../lib/mux/stream/caller-stream.js';
import { Engine, type Responder } from '../../../lib/mux/engine.js';
import { answerCalls } from '../../../lib/mux/incoming-frames.js';
import type { ResponderStream } from '../../../lib/mux/stream/responder-stream.js';
import type { MessageSink } from '../../../lib/mux/schedule/message-writer.js';
import { RunningHandlers } from '../../../lib/mux/running-handlers.js';
import type { StreamSink } from '../../../lib/mux/stream/stream.js';
import type { ResponseSink, UnaryCaller, UnaryResponder } from '../../../lib/mux/unary.js';
import { joinFragments, type WireMessage } from '../../../lib/wire/batch.js';
import type { Checksum } from '../../../lib/wire/checksum.js';
import { copyFrame, decodeFrames } from '../../../lib/wire/decode.js';
import type { Frame } from '../../../lib/wire/frame.js';
import { bytesOf, fromCaller, lineOf, messageOf } from './frames.js';
import { ManualRuntime } from '../manual-runtime.js';

/*
 * Engines without sockets. `loneEngine()`: the test is the other side and speaks frames. `linkEngines()`: two engines,
 * each the other side of the other one. Both run on a ManualRuntime.
 */

// Taken once: in a jest module every look-up of a global is slow.
const { imul } = Math;

function fnv(parts: readonly Uint8Array[]): number {
  let hash = 0x811c_9dc5;
  for (const part of parts) {
    for (const byte of part) hash = imul(hash ^ byte, 0x0100_0193);
  }
  return hash >>> 0;
}

/** A stand-in that needs no WebAssembly, and so no `await`: FNV-1a. Both sides of a test use it. */
export const testChecksum: Checksum = {
  hash: (bytes) => fnv([bytes]),
  hashParts: fnv,
  hash64: () => {
    throw new Error('The engine does not ask for this.');
  },
};

/** What a test may choose about an engine. */
export interface EngineSetup {
  /** All extensions on (the default), off, as towards a reference peer, or all but `bytes`. */
  readonly extensions?: boolean | 'no bytes';
  /** Whether this engine sends checksums. Default true. */
  readonly checksum?: boolean;
  readonly limits?: Partial<Limits>;
  readonly firstMuxId?: number;
  /** False: it has no handlers, as a leaf that only calls. Default true. */
  readonly answers?: boolean;
  readonly runtime?: ManualRuntime;
  /** What the link says of the connection's pings. Default: they are answered in time. */
  readonly isPongOverdue?: () => boolean;
  /** Shared by the engines of one peer. Default: one of its own. */
  readonly running?: RunningHandlers;
}

/** A sink that keeps messages, and whose fill level the test controls. */
export class FakeSink implements MessageSink {
  /** What the socket is said to hold. */
  bufferedBytes = 0;
  /** Messages that nobody took yet. */
  messages: WireMessage[] = [];
  /** Every frame that was ever sent. */
  readonly frames: Frame[] = [];
  /** Called for each message, synchronously, after it was kept: for tests of re-entrancy. */
  onSend: ((message: WireMessage) => void) | undefined = undefined;

  send(message: WireMessage): void {
    this.messages.push(message);
    this.frames.push(...decodeFrames(joinFragments(message), testChecksum.hash));
    this.onSend?.(message);
  }

  /** Takes what was sent since the last call. */
  take(): Uint8Array[] {
    return this.messages.splice(0).map(joinFragments);
  }
}

/** One engine, with what it saw and did. */
export class EngineEnd {
  readonly runtime: ManualRuntime;
  readonly engine: Engine;
  readonly sink = new FakeSink();
  readonly faults: ProtocolError[] = [];
  /** What sinks and responders threw. */
  readonly thrown: unknown[] = [];
  /** Frames of the connection itself that came. */
  readonly controls: Frame[] = [];
  readonly #responders = new Map<number, Responder>();
  #shown = 0;

  constructor(setup: EngineSetup = {}) {
    const { extensions = true } = setup;
    this.runtime = setup.runtime ?? new ManualRuntime();
    this.engine = new Engine({
      runtime: this.runtime,
      limits: { ...defaultLimits, ...setup.limits },
      running: setup.running ?? new RunningHandlers(),
      checksum: testChecksum,
      sendChecksum: setup.checksum ?? true,
      roundTrip: () => Infinity,
      ...(setup.isPongOverdue === undefined ? {} : { isPongOverdue: setup.isPongOverdue }),
      extensions: { ack: extensions !== false, credits: extensions !== false, bytes: extensions === true },
      firstMuxId: setup.firstMuxId ?? 1,
      caller: { name: 'http://peer', kind: 'host' },
      sink: this.sink,
      find: (handler) => this.#responders.get(handler) ?? `No handler ${handler}.`,
      incoming: setup.answers === false ? undefined : answerCalls,
      onControl: (frame) => {
        this.controls.push(copyFrame(frame));
      },
      // As a link does: a fault closes the connection.
      onFault: (error) => {
        this.faults.push(error);
        this.engine.close();
      },
      onThrown: (error) => {
        this.thrown.push(error);
      },
      disconnected: (sent) =>
        new DisconnectedError('remote disconnected', { sent, host: 'http://peer', reconnected: undefined }),
    });
  }

  /** Registers a handler. */
  serve(handler: number, responder: Responder): void {
    this.#responders.set(handler, responder);
  }

  /** Registers a unary handler, and gives the calls as they come. */
  serveUnary(handler: number, respond?: (mux: UnaryResponder, payload: Uint8Array) => void): UnaryCall[] {
    const calls: UnaryCall[] = [];
    this.serve(handler, {
      kind: 'unary',
      respond(mux, payload) {
        const call: UnaryCall = { mux, payload: textOf(payload), cancelled: [] };
        mux.attach({ cancelled: (reason) => call.cancelled.push(reason.code) });
        calls.push(call);
        respond?.(mux, payload);
      },
    });
    return calls;
  }

  /** Registers a stream handler, and gives its streams as they are opened. `inCapacity` 0: without input. */
  serveStream(
    handler: number,
    inCapacity: number | CreditWindow,
    outCapacity: number | CreditWindow,
    opened?: (stream: StreamRecorder<ResponderStream>, payload: Uint8Array) => void,
  ): StreamRecorder<ResponderStream>[] {
    const streams: StreamRecorder<ResponderStream>[] = [];
    this.serve(handler, {
      kind: 'duplex',
      inWindow: inCapacity === 0 ? undefined : windowOf(inCapacity),
      outWindow: windowOf(outCapacity),
      open(mux, payload) {
        const stream = new StreamRecorder<ResponderStream>('handler');
        stream.mux = mux;
        mux.attach(stream);
        streams.push(stream);
        opened?.(stream, payload);
      },
    });
    return streams;
  }

  /** Calls a unary handler, within `timeout` ms. */
  request(handler: number, payload: Uint8Array | string = '', timeout = 60_000): ResponseRecorder {
    const call = new ResponseRecorder();
    call.mux = this.engine.request({ handler }, bytesOf(payload), this.runtime.now() + timeout, call);
    return call;
  }

  /** Opens a stream. `timeout` undefined: no deadline. */
  open(
    handler: number,
    options: { payload?: string; inCapacity?: number; outCapacity?: number | CreditWindow; timeout?: number } = {},
  ): StreamRecorder<CallerStream> {
    const stream = new StreamRecorder<CallerStream>('caller');
    const deadline = options.timeout === undefined ? Infinity : this.runtime.now() + options.timeout;
    stream.mux = this.engine.openStream({
      address: { handler },
      payload: bytesOf(options.payload),
      outWindow: windowOf(options.outCapacity ?? 4),
      inCapacity: options.inCapacity ?? 0,
      deadline,
      sink: stream,
      meta: undefined,
    });
    return stream;
  }

  /**
   * Gives the engine so many calls in one message that it reads them for `ms`. Their handler is registered for that.
   */
  receiveBacklog(handler: number, ms: number): void {
    const frameMs = 10;
    this.serveUnary(handler, (mux) => {
      this.runtime.block(frameMs);
      mux.respond(bytesOf(''));
    });
    const calls = Array.from({ length: ms / frameMs }, (_, index) =>
      fromCaller.request(1_000 + index, { handler, deadlineMs: 2 * ms }),
    );
    this.receive(...calls);
  }

  /** Gives these frames to the engine, in one message, and lets it finish its turn. */
  receive(...frames: Frame[]): void {
    this.engine.receive(messageOf(frames, testChecksum.hash));
    this.runtime.turn();
  }

  /** Lets the turn end, and gives a line for each frame that was sent since the last call. */
  sent(): string[] {
    this.runtime.turn();
    const { frames } = this.sink;
    const lines = frames.slice(this.#shown).map(lineOf);
    this.#shown = frames.length;
    return lines;
  }

  /**
   * What the tables, the timers, the schedule, the turn and the account still hold; all zero when everything has ended.
   */
  get leftovers(): typeof nothing {
    const { engine } = this;
    const { schedule, turn, wheel, account } = engine;
    return {
      ...engine.open,
      timers: wheel.size,
      queuedBytes: schedule.queuedBytes,
      ...schedule.held,
      waitingStreams: turn.waitingStreams,
      receivedBytes: account.bytes,
    };
  }
}

/** {@link EngineEnd.leftovers} of an engine with nothing open. */
export const nothing = {
  outgoing: 0,
  incoming: 0,
  timers: 0,
  queuedBytes: 0,
  queues: 0,
  leaving: 0,
  waitingStreams: 0,
  receivedBytes: 0,
};

/** An engine whose other side is the test. */
export function loneEngine(setup: EngineSetup = {}): EngineEnd {
  return new EngineEnd(setup);
}

/** Two engines, linked in memory: a message arrives in a later task of the same turn, in order. */
export interface LinkedEngines {
  readonly runtime: ManualRuntime;
  readonly a: EngineEnd;
  readonly b: EngineEnd;
  /** Lets everything happen that needs no time. */
  turn(): void;
  /** Lets time pass. */
  advance(ms: number): void;
}

/** Links two engines. What `setup` says holds for both. */
export function linkEngines(setup: EngineSetup = {}): LinkedEngines {
  const runtime = setup.runtime ?? new ManualRuntime();
  const a = new EngineEnd({ ...setup, runtime });
  const b = new EngineEnd({ ...setup, runtime });
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.sink.onSend = () => {
      runtime.defer(() => {
        for (const message of from.sink.take()) to.engine.receive(message);
      });
    };
  }
  return {
    runtime,
    a,
    b,
    turn: () => {
      runtime.turn();
    },
    advance: (ms) => {
      runtime.advance(ms);
    },
  };
}

/** A unary call, as its handler saw it. */
export interface UnaryCall {
  readonly mux: UnaryResponder;
  readonly payload: string;
  /** Codes of the errors with which it was cancelled. */
  readonly cancelled: string[];
}

/** What the caller of a unary call received: `"payload"`, or the code of the error. */
export class ResponseRecorder implements ResponseSink {
  readonly route = 'the call';
  readonly received: string[] = [];
  error: GridError | undefined = undefined;
  mux!: UnaryCaller;
  /** Called first, for tests of re-entrancy. */
  then: (() => void) | undefined = undefined;

  response(payload: Uint8Array): void {
    this.received.push(textOf(payload));
    this.then?.();
  }

  failed(error: GridError): void {
    this.error = error;
    this.received.push(error.code);
    this.then?.();
  }
}

/**
 * What one end of a stream received, in order: items as text, `input ended`, `ended`, or `ended: ` and the code of the
 * error.
 */
export class StreamRecorder<Stream extends CallerStream | ResponderStream> implements StreamSink {
  readonly received: string[] = [];
  error: GridError | undefined = undefined;
  mux!: Stream;
  readonly route: string;
  /** Times that `writable` was called. */
  writables = 0;
  /** Whether an item is released as soon as it is received. */
  autoRelease = false;
  onItem: ((payload: string) => void) | undefined = undefined;
  onWritable: (() => void) | undefined = undefined;
  onEnded: (() => void) | undefined = undefined;
  onInputEnded: (() => void) | undefined = undefined;

  constructor(route: string) {
    this.route = route;
  }

  item(payload: Uint8Array): void {
    const text = textOf(payload);
    this.received.push(text);
    this.onItem?.(text);
    if (this.autoRelease) this.mux.release();
  }

  inputEnded(): void {
    this.received.push('input ended');
    this.onInputEnded?.();
  }

  writable(): void {
    this.writables++;
    this.onWritable?.();
  }

  ended(error: GridError | undefined): void {
    this.error = error;
    this.received.push(error === undefined ? 'ended' : `ended: ${error.code}`);
    this.onEnded?.();
  }

  /** Sends items, whatever the credit. */
  send(...items: string[]): void {
    for (const item of items) this.mux.send(bytesOf(item));
  }

  /** Releases so many items. */
  release(count = 1): void {
    for (let index = 0; index < count; index++) this.mux.release();
  }
}

/** The reason that tests give when they cancel. */
export const cancelled = new CancelledError('The test cancelled.');

/** A window that never grows, of a number. */
export function windowOf(size: number | CreditWindow): CreditWindow {
  return typeof size === 'number' ? { initial: size, max: size } : size;
}

/** The text of a payload. */
export function textOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}
