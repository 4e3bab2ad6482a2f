/**
 * Unary calls.
 *
 *     caller      idle ──Request──▶ waiting ──Response | MuxConnectError | deadline | cancel | loss──▶ ended
 *     responder   idle ──Request──▶ running ──respond | fail | deadline | DisconnectServerMux | loss──▶ ended
 */

import {
  CancelledError,
  DeadlineExceededError,
  LimitError,
  RefusedError,
  RemoteError,
  type GridError,
  withoutStack,
} from '../errors.js';
import { emptyPayload, type FrameView, type MuxId } from '../wire/frame.js';
import { decodeConnectError } from '../wire/control.js';
import { Flag, Op } from '../wire/ops.js';
import { Mux, type MuxHost } from './mux.js';
import type { LaneName } from './owner-queue.js';

/** Who waits for a response. Exactly one of the two methods is called, once; none after `cancel`. */
export interface ResponseSink {
  /** Names the route in error messages. */
  readonly route: string;
  /** The response; a view into the received message. */
  response(payload: Uint8Array): void;
  failed(error: GridError): void;
}

/** The caller's end of a unary call. */
export class UnaryCaller extends Mux {
  readonly #sink: ResponseSink;
  readonly #forget: (mux: UnaryCaller) => void;
  readonly #began: number;

  /** `began`: the time on the monotonic clock, in ms. */
  constructor(host: MuxHost, id: MuxId, sink: ResponseSink, forget: (mux: UnaryCaller) => void, began: number) {
    super(host, id);
    this.#sink = sink;
    this.#forget = forget;
    this.#began = began;
  }

  /** A Response, or a MuxConnectError. */
  onFrame(frame: FrameView): void {
    const { op, flags, payload } = frame;
    if (op === Op.Response) {
      this.#end();
      this.host.recordRoundTrip(this.#began);
      const { maxUnaryBytes } = this.host.limits;
      if ((flags & Flag.PayloadIsErr) !== 0) this.#sink.failed(new RemoteError(decodeText(payload)));
      else if (payload.length > maxUnaryBytes)
        this.#sink.failed(tooLarge(this.#sink.route, 'response', payload, maxUnaryBytes));
      else this.#sink.response(payload);
    } else if (op === Op.MuxConnectError) {
      // Read first: a payload that is none closes the connection, and the call must then still be there.
      const error = refused(payload);
      this.#end();
      this.#sink.failed(error);
    }
  }

  /** Gives the call up. A request that has left is cancelled at the other side. */
  cancel(): void {
    if (this.ended) return;
    this.#end();
    if (!this.host.schedule.purge(this)) this.host.sendDisconnect(this.id, Op.DisconnectServerMux);
  }

  override onTimer(): void {
    this.#end();
    const sent = !this.host.schedule.purge(this);
    const text = `The deadline of ${this.#sink.route} passed without an answer.`;
    this.#sink.failed(new DeadlineExceededError(text, { sent }));
  }

  override disconnect(): void {
    const sent = this.host.schedule.waitingOp(this) === undefined;
    this.#end();
    this.#sink.failed(this.host.disconnected(sent));
  }

  override get lane(): LaneName {
    return 'calls';
  }

  override onWritable(): void {
    // A request is never refused by the queue: it waits in it.
  }

  #end(): void {
    this.finish();
    this.#forget(this);
  }
}

/** Who works on a response. */
export interface CancelSink {
  /** Nobody waits for the answer any more: cancel, deadline or loss. Called once at most. */
  cancelled(reason: GridError): void;
  /** After `cancelled`: settles when the handler has ended; undefined where it does not run on. */
  readonly running?: PromiseLike<unknown> | undefined;
}

/** The responder's end of a unary call, as its handler sees it. */
export class UnaryResponder extends Mux {
  /** When the caller stops waiting, on the monotonic clock, in ms. */
  readonly deadline: number;
  #worker: CancelSink | undefined = undefined;
  /** Bytes of the request, which the handler may hold. */
  readonly requestBytes: number;
  readonly #seq: number;
  readonly #forget: (mux: UnaryResponder) => void;

  constructor(
    host: MuxHost,
    id: MuxId,
    seq: number,
    deadline: number,
    requestBytes: number,
    forget: (mux: UnaryResponder) => void,
  ) {
    super(host, id);
    this.requestBytes = requestBytes;
    this.#seq = seq;
    this.deadline = deadline;
    this.#forget = forget;
  }

  /** Returns the time on the monotonic clock, in ms; one reading for a whole turn of the event loop. */
  now(): number {
    return this.host.now();
  }

  /** Says who works on the answer. */
  attach(worker: CancelSink): void {
    this.#worker = worker;
  }

  /** Answers; null is "no payload". Ignored after the end. */
  respond(payload: Uint8Array | null): void {
    if (this.ended) return;
    const { maxUnaryBytes, maxSendQueueBytes } = this.host.limits;
    if (payload !== null && payload.length > maxUnaryBytes) {
      this.fail(
        `The response has ${String(payload.length)} bytes, and maxUnaryBytes is ${String(maxUnaryBytes)}: use a stream for payloads of this size.`,
      );
    } else if (this.host.schedule.isFullFor(payload?.length ?? 0, maxSendQueueBytes)) {
      this.fail('The send queue of the responder is full (maxSendQueueBytes): read faster, or ask for less at once.');
    } else {
      const flags = payload?.length === 0 ? Flag.Eof | Flag.PayloadIsZero : Flag.Eof;
      this.#send(flags, payload ?? emptyPayload);
    }
  }

  /** Answers with an error text. Ignored after the end. */
  fail(text: string): void {
    if (!this.ended) this.#send(Flag.Eof | Flag.PayloadIsErr, encodeText(text));
  }

  /** The caller has given up. */
  cancel(): void {
    if (!this.ended) this.#abort(withoutStack(() => new CancelledError('The caller cancelled the call.')));
  }

  override onTimer(): void {
    this.#abort(withoutStack(() => new DeadlineExceededError('The deadline of the call passed.')));
  }

  override disconnect(): void {
    this.#abort(this.host.connectionLost);
  }

  override get lane(): LaneName {
    return 'calls';
  }

  override onWritable(): void {
    // A response is never refused by the queue: it waits in it.
  }

  #send(flags: number, payload: Uint8Array): void {
    this.finish();
    // Before the engine forgets the mux: what waits can then be taken back by a cancel.
    this.host.schedule.send(this, Op.Response, flags, payload, this.#seq);
    this.#forget(this);
    this.host.scheduleFlush();
  }

  #abort(reason: GridError): void {
    this.#end();
    try {
      this.#worker?.cancelled(reason);
    } finally {
      // Also where a finalizer throws.
      const running = this.#worker?.running;
      if (running !== undefined) this.host.addRunningHandler(this.requestBytes, running);
    }
  }

  #end(): void {
    this.finish();
    this.#forget(this);
  }
}

/** The error for a MuxConnectError: the text is the other side's. */
export function refused(payload: Uint8Array): RefusedError {
  return new RefusedError(decodeConnectError(payload));
}

const textDecoder = new TextDecoder();
const textEncoder = new TextEncoder();
/** An error text is cut here, in UTF-16 units: it is for people. */
const maxTextLength = 8192;
/** And here, in bytes, where another side sends it. */
const maxTextBytes = 32 << 10;

/** Reads an error text; bytes that are no UTF-8 become replacement characters, and what is too long is left out. */
export function decodeText(payload: Uint8Array): string {
  return payload.length <= maxTextBytes
    ? textDecoder.decode(payload)
    : `${textDecoder.decode(payload.subarray(0, maxTextBytes))}…`;
}

/** The error for a payload of the other side that is larger than this side takes. */
export function tooLarge(route: string, what: string, payload: Uint8Array, maxUnaryBytes: number): LimitError {
  return new LimitError(
    `${route}: the other side sent ${what === 'item' ? 'an' : 'a'} ${what} of ${String(payload.length)} bytes, and maxUnaryBytes of this side is ${String(maxUnaryBytes)}. Send it in several items, or raise maxUnaryBytes here.`,
    'maxUnaryBytes',
  );
}

/** Writes an error text. */
export function encodeText(text: string): Uint8Array {
  return textEncoder.encode(text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text);
}
