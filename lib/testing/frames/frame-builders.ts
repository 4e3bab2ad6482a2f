import { msgpack } from '../../codec/msgpack-codec.js';
import { encodeConnectError, encodePong } from '../../wire/payloads/control.js';
import { encodeFrame, encodeMerged } from '../../wire/encode.js';
import { emptyPayload, type Frame, type Hash32, type MuxId } from '../../wire/frame.js';
import { Flag, Op } from '../../wire/ops.js';
import { encodeAck, encodeCredit } from '../../wire/payloads/window-payloads.js';

/** Fields of a frame; a payload may be text. */
export type FrameFields = Partial<Omit<Frame, 'payload'>> & { readonly payload?: Uint8Array | string };

const utf8 = new TextEncoder();
const codec = msgpack();

/** The payload of a value, as routes with the default codec encode it. */
export function payload(value: unknown): Uint8Array {
  return codec.encode(value);
}

/** Any frame. Fields that are not given are 0 or empty; there is no checksum, and none is asked for. */
export function frame(op: number, muxId: MuxId, fields: FrameFields = {}): Frame {
  return { muxId, seq: 0, deadlineMs: 0, handler: 0, op, flags: 0, ...fields, payload: bytesOf(fields.payload) };
}

const itemFlags = (bytes: Uint8Array | string): number => (bytes.length === 0 ? Flag.PayloadIsZero : 0);

/**
 * Frames that the caller of a mux sends: `fromCaller.item(1, 3, payload('x'))` is item `x` with sequence number 3 on
 * mux 1.
 */
export const fromCaller = {
  /** Opens a unary call. */
  request: (muxId: MuxId, handler: number, fields: FrameFields = {}): Frame =>
    frame(Op.Request, muxId, { handler, deadlineMs: 60_000, flags: Flag.Eof, ...fields }),
  /** Without Eof, as a route with input is opened. */
  open: (muxId: MuxId, handler: number, fields: FrameFields = {}): Frame =>
    frame(Op.ConnectMux, muxId, { handler, ...fields }),
  /** An item of the input. */
  item: (muxId: MuxId, seq: number, item: Uint8Array | string): Frame =>
    frame(Op.MuxClientMsg, muxId, { seq, payload: item, flags: itemFlags(item) }),
  /** The end of the input. */
  halfClose: (muxId: MuxId, seq: number): Frame => frame(Op.MuxClientMsg, muxId, { seq, flags: Flag.Eof }),
  /** Credit for items of the output. */
  credit: (muxId: MuxId, seq: number, count = 1): Frame => creditFrame(Op.UnblockSrvMux, muxId, seq, count),
  /** Asks whether the stream is still there. */
  ping: (muxId: MuxId, seq: number): Frame => frame(Op.Ping, muxId, { seq }),
  /** Cancels the call. */
  cancel: (muxId: MuxId): Frame => frame(Op.DisconnectServerMux, muxId),
} as const;

/** Frames that the responder of a mux sends. */
export const fromResponder = {
  /** The response of a unary call. */
  response: (muxId: MuxId, response: Uint8Array | string = ''): Frame =>
    frame(Op.Response, muxId, { flags: Flag.Eof | itemFlags(response), payload: response }),
  /** The failure of a unary call. */
  responseError: (muxId: MuxId, text: string): Frame =>
    frame(Op.Response, muxId, { flags: Flag.Eof | Flag.PayloadIsErr, payload: text }),
  /** Refuses to open a stream. */
  refused: (muxId: MuxId, text: string): Frame =>
    frame(Op.MuxConnectError, muxId, { payload: encodeConnectError(text) }),
  /** A stream is open; with `inCapacity`, how many items of the input may be under way. */
  ack: (muxId: MuxId, inCapacity?: number): Frame =>
    frame(Op.AckMux, muxId, inCapacity === undefined ? {} : { payload: encodeAck({ in: inCapacity }) }),
  /** An item of the output. */
  item: (muxId: MuxId, seq: number, item: Uint8Array | string): Frame =>
    frame(Op.MuxServerMsg, muxId, { seq, payload: item, flags: itemFlags(item) }),
  /** The end of the output. */
  end: (muxId: MuxId, seq: number): Frame => frame(Op.MuxServerMsg, muxId, { seq, flags: Flag.Eof }),
  /** The failure of a stream. */
  fail: (muxId: MuxId, seq: number, text: string): Frame =>
    frame(Op.MuxServerMsg, muxId, { seq, flags: Flag.Eof | Flag.PayloadIsErr, payload: text }),
  /** Credit for items of the input. */
  credit: (muxId: MuxId, seq: number, count = 1): Frame => creditFrame(Op.UnblockClMux, muxId, seq, count),
  /** Answers a ping of a stream; `unknown`: there is no such stream. */
  pong: (muxId: MuxId, seq: number, unknown = false): Frame =>
    frame(Op.Pong, muxId, { seq, payload: encodePong({ unknown, error: undefined, time: undefined }) }),
  /** With `text`: why the stream ended. */
  gone: (muxId: MuxId, text?: string): Frame =>
    frame(Op.DisconnectClientMux, muxId, text === undefined ? {} : { flags: Flag.PayloadIsErr, payload: text }),
} as const;

/**
 * One WebSocket message of these frames: the frame itself, or a Merged one. With `hash`, frames that say so get their
 * checksum.
 */
export function messageOf(frames: readonly Frame[], hash?: Hash32): Uint8Array {
  const encoded = frames.map((each) => encodeFrame(each, hash));
  return encoded.length === 1 ? encoded[0]! : encodeMerged(encoded);
}

function creditFrame(op: number, muxId: MuxId, seq: number, count: number): Frame {
  return frame(op, muxId, { seq, payload: count === 1 ? emptyPayload : encodeCredit(count) });
}

function bytesOf(text: Uint8Array | string | undefined): Uint8Array {
  return typeof text === 'string' ? utf8.encode(text) : (text ?? emptyPayload);
}
