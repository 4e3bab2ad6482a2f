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
  ProtocolError,
  RefusedError,
  RemoteError,
  type RemoteErrorDetails,
  type GridError,
  withoutStack,
} from '../errors.js';
import { decodeCallError, encodeCallError, exhausted, type CallError } from '../wire/payloads/call-error.js';
import type { Opening } from '../wire/encode.js';
import { emptyPayload, type FrameView, type MuxId } from '../wire/frame.js';
import { decodeConnectError } from '../wire/payloads/control.js';
import { Flag, Op } from '../wire/ops.js';
import { Mux, type MuxHost } from './mux.js';
import type { LaneName } from './schedule/owner-queue.js';

/** Receives the response of a call. Exactly one of the two methods is called, once; none after `cancel`. */
export interface ResponseSink {
  /** Names the route in error messages. */
  readonly route: string;
  /** Time from the call to its deadline, in ms, which the error names. Default: it names none. */
  readonly timeout?: number;
  /** The response: a view into the received message. */
  response(payload: Uint8Array): void;
  failed(error: GridError): void;
}

/** The caller's end of a unary call. */
export class UnaryCaller extends Mux {
  readonly #sink: ResponseSink;
  readonly #forget: (mux: UnaryCaller) => void;
  readonly #began: number;

  /** `began` is the time on the monotonic clock, in ms. */
  constructor(host: MuxHost, id: MuxId, sink: ResponseSink, forget: (mux: UnaryCaller) => void, began: number) {
    super(host, id);
    this.#sink = sink;
    this.#forget = forget;
    this.#began = began;
  }

  /** Handles a Response or a MuxConnectError. */
  onFrame(frame: FrameView): void {
    const { op, flags, payload } = frame;
    if (op === Op.Response) {
      const error = (flags & Flag.PayloadIsErr) === 0 ? undefined : remoteError(this.host, frame);
      this.#end();
      this.host.turn.recordRoundTrip(this.#began);
      const { maxUnaryBytes } = this.host.limits;
      if (error !== undefined) this.#sink.failed(error);
      else if (payload.length > maxUnaryBytes)
        this.#sink.failed(tooLarge(this.#sink.route, 'response', payload, maxUnaryBytes));
      else this.#sink.response(payload);
    } else if (op === Op.MuxConnectError) {
      // Decoded first: an invalid payload closes the connection, which must then still find this call.
      const error = this.host.refused(refused(this.host, frame));
      this.#end();
      this.#sink.failed(error);
    }
  }

  /** Cancels the call. A request that has been sent is cancelled at the other side. */
  cancel(): void {
    if (this.ended) return;
    this.#end();
    if (!this.host.schedule.purge(this)) this.host.sendDisconnect(this.id, Op.DisconnectServerMux);
  }

  override onTimer(): void {
    this.#end();
    const sent = !this.host.schedule.purge(this);
    const text = `The deadline of ${this.#sink.route}${timeoutText(this.#sink)} passed without a response.`;
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
    // The schedule never refuses a request: it is queued.
  }

  #end(): void {
    this.finish();
    this.#forget(this);
  }
}

/** Works on a response. */
export interface CancelSink {
  /** The caller does not wait any more: cancel, deadline or loss of the connection. Called at most once. */
  cancelled(reason: GridError): void;
  /** After `cancelled`: settles once the handler has ended; undefined where it is not running any more. */
  readonly running?: PromiseLike<unknown> | undefined;
}

/** The responder's end of a unary call, as its handler sees it. */
export class UnaryResponder extends Mux {
  /** The caller's deadline on the monotonic clock, in ms. */
  readonly deadline: number;
  #worker: CancelSink | undefined = undefined;
  /** Bytes of the request and of its metadata, which the handler may hold. */
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
    return this.host.turn.now();
  }

  /** Sets what works on the response. */
  attach(worker: CancelSink): void {
    this.#worker = worker;
  }

  /**
   * Sends the response; null means "no payload". Returns the error that is sent in its place. Ignored after the end.
   */
  respond(payload: Uint8Array | null): CallError | undefined {
    if (this.ended) return undefined;
    const { maxUnaryBytes, maxSendQueueBytes } = this.host.limits;
    if (payload !== null && payload.length > maxUnaryBytes) {
      const error = exhausted('maxUnaryBytes');
      this.fail(
        `The response has ${String(payload.length)} bytes, and maxUnaryBytes is ${String(maxUnaryBytes)}: use a stream for payloads of this size.`,
        error,
      );
      return error;
    }
    if (this.host.schedule.isFullFor(payload?.length ?? 0, maxSendQueueBytes)) {
      const error = exhausted('maxSendQueueBytes', true);
      this.fail(
        'The send queue of the responder is full (maxSendQueueBytes): read faster, or ask for less at once.',
        error,
      );
      return error;
    }
    const flags = payload?.length === 0 ? Flag.Eof | Flag.PayloadIsZero : Flag.Eof;
    this.#send(flags, payload ?? emptyPayload);
    return undefined;
  }

  /** Responds with an error: its text, and beside it what a peer gets that announced `err`. Ignored after the end. */
  fail(text: string, error?: CallError): void {
    if (!this.ended) this.#send(Flag.Eof | Flag.PayloadIsErr, encodeText(text), errorTail(this.host, error));
  }

  /** The caller has cancelled the call. */
  cancel(): void {
    if (!this.ended) this.#abort(withoutStack(() => new CancelledError('The caller cancelled the call.')));
  }

  override onTimer(): void {
    this.host.stats.unanswered++;
    this.#abort(withoutStack(() => new DeadlineExceededError('The deadline of the call passed.')));
  }

  override disconnect(): void {
    this.#abort(this.host.connectionLost);
  }

  override get lane(): LaneName {
    return 'calls';
  }

  override onWritable(): void {
    // The schedule never refuses a response: it is queued.
  }

  #send(flags: number, payload: Uint8Array, tail?: Opening): void {
    this.finish();
    // Sent before the mux leaves the table: a cancel can then still remove the queued response.
    this.host.schedule.send(this, Op.Response, flags, payload, this.#seq, tail);
    this.#forget(this);
    this.host.turn.scheduleFlush();
  }

  #abort(reason: GridError): void {
    this.#end();
    try {
      this.#worker?.cancelled(reason);
    } finally {
      // Even where a finalizer throws.
      const running = this.#worker?.running;
      if (running !== undefined) this.host.addRunningHandler(this.requestBytes, running);
    }
  }

  #end(): void {
    this.finish();
    this.#forget(this);
  }
}

/**
 * The error for a MuxConnectError: text and code are the other side's. @throws ProtocolError where the text does not
 * parse.
 */
export function refused(host: MuxHost, { payload, extra }: FrameView): RefusedError {
  const text = decodeConnectError(payload);
  return new RefusedError(text, text, detailsOf(host, extra));
}

/** The error for a frame whose payload is the text of one. */
export function remoteError(host: MuxHost, { payload, extra }: FrameView): RemoteError {
  return new RemoteError(decodeText(payload), detailsOf(host, extra));
}

/** What goes beside the text of an error: nothing where the peer did not announce `err`. */
export function errorTail(host: MuxHost, error: CallError | undefined): Opening | undefined {
  if (error === undefined || !host.errorDetails) return undefined;
  return { deadlineMs: 0, handler: 0, tail: encodeCallError(error) };
}

// Where the details do not parse, the call has failed all the same; the other calls of the connection go on.
function detailsOf(host: MuxHost, extra: Uint8Array | undefined): RemoteErrorDetails | undefined {
  if (extra === undefined || !host.errorDetails) return undefined;
  try {
    return decodeCallError(extra, host.limits.maxErrorDataBytes);
  } catch (error) {
    if (error instanceof ProtocolError) return { cause: error };
    throw error;
  }
}

const textDecoder = new TextDecoder();
const textEncoder = new TextEncoder();
/** Longest error text that is sent, in UTF-16 units. Error texts are for people. */
const maxTextLength = 8192;
/** Longest error text that is decoded, in bytes. */
const maxTextBytes = 32 << 10;

/** Decodes an error text. Invalid UTF-8 becomes replacement characters; a text that is too long is cut. */
export function decodeText(payload: Uint8Array): string {
  return payload.length <= maxTextBytes
    ? textDecoder.decode(payload)
    : `${textDecoder.decode(payload.subarray(0, maxTextBytes))}…`;
}

/** The error for a received payload that is larger than `maxUnaryBytes`. */
export function tooLarge(route: string, what: string, payload: Uint8Array, maxUnaryBytes: number): LimitError {
  return new LimitError(
    `${route}: the other side sent ${what === 'item' ? 'an' : 'a'} ${what} of ${String(payload.length)} bytes, and maxUnaryBytes of this side is ${String(maxUnaryBytes)}. Send it in several items, or raise maxUnaryBytes here.`,
    'maxUnaryBytes',
  );
}

/** Encodes an error text; one that is too long is cut. */
export function encodeText(text: string): Uint8Array {
  return textEncoder.encode(text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text);
}

/** The time of a call in the message of its error: `slow, 50 ms after the call, passed …`. */
export function timeoutText({ timeout }: { readonly timeout?: number }): string {
  return timeout === undefined || !Number.isFinite(timeout)
    ? ''
    : `, ${String(Math.round(timeout))} ms after the call,`;
}
