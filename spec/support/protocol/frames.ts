import { encodeConnectError, encodePong } from '../../../lib/wire/payloads/control.js';
import { encodeFrame, encodeMerged } from '../../../lib/wire/encode.js';
import { emptyPayload, type Frame, type Hash32, type MuxId } from '../../../lib/wire/frame.js';
import { Flag, Op, opName } from '../../../lib/wire/ops.js';
import { encodeCredit } from '../../../lib/wire/payloads/window-payloads.js';

/*
 * Frames by hand, named by who sends them: `fromCaller.item(1, 3, 'x')` is item 'x' with sequence number 3 on mux 1.
 */

const utf8 = new TextEncoder();

/** Fields that a test may set; a payload may be text. */
export type FrameFields = Partial<Omit<Frame, 'payload'>> & { readonly payload?: Uint8Array | string };

/** The bytes of a text. */
export function bytesOf(payload: Uint8Array | string | undefined): Uint8Array {
  return typeof payload === 'string' ? utf8.encode(payload) : (payload ?? emptyPayload);
}

/** Any frame. */
export function frameOf(op: number, muxId: MuxId, fields: FrameFields = {}): Frame {
  const { payload, ...others } = fields;
  return { muxId, seq: 0, deadlineMs: 0, handler: 0, op, flags: 0, ...others, payload: bytesOf(payload) };
}

const itemFlags = (payload: Uint8Array | string): number => (payload.length === 0 ? Flag.PayloadIsZero : 0);

/** Frames that the caller of a mux sends. */
export const fromCaller = {
  request: (muxId: MuxId, fields: FrameFields = {}) =>
    frameOf(Op.Request, muxId, { handler: 1, deadlineMs: 60_000, flags: Flag.Eof, ...fields }),
  /** Without Eof: a route with input. */
  connectMux: (muxId: MuxId, fields: FrameFields = {}) => frameOf(Op.ConnectMux, muxId, { handler: 2, ...fields }),
  item: (muxId: MuxId, seq: number, payload: Uint8Array | string) =>
    frameOf(Op.MuxClientMsg, muxId, { seq, payload, flags: itemFlags(payload) }),
  halfClose: (muxId: MuxId, seq: number) => frameOf(Op.MuxClientMsg, muxId, { seq, flags: Flag.Eof }),
  credit: (muxId: MuxId, seq: number, count = 1) => creditFrame(Op.UnblockSrvMux, muxId, seq, count),
  ping: (muxId: MuxId, seq: number) => frameOf(Op.Ping, muxId, { seq }),
  cancel: (muxId: MuxId) => frameOf(Op.DisconnectServerMux, muxId),
};

/** Frames that the responder of a mux sends. */
export const fromResponder = {
  response: (muxId: MuxId, payload: Uint8Array | string = '') =>
    frameOf(Op.Response, muxId, { flags: Flag.Eof | itemFlags(payload), payload }),
  responseError: (muxId: MuxId, text: string) =>
    frameOf(Op.Response, muxId, { flags: Flag.Eof | Flag.PayloadIsErr, payload: text }),
  connectError: (muxId: MuxId, text: string) =>
    frameOf(Op.MuxConnectError, muxId, { payload: encodeConnectError(text) }),
  ack: (muxId: MuxId, payload: Uint8Array | string = '') => frameOf(Op.AckMux, muxId, { payload }),
  item: (muxId: MuxId, seq: number, payload: Uint8Array | string) =>
    frameOf(Op.MuxServerMsg, muxId, { seq, payload, flags: itemFlags(payload) }),
  end: (muxId: MuxId, seq: number) => frameOf(Op.MuxServerMsg, muxId, { seq, flags: Flag.Eof }),
  fail: (muxId: MuxId, seq: number, text: string) =>
    frameOf(Op.MuxServerMsg, muxId, { seq, flags: Flag.Eof | Flag.PayloadIsErr, payload: text }),
  credit: (muxId: MuxId, seq: number, count = 1) => creditFrame(Op.UnblockClMux, muxId, seq, count),
  pong: (muxId: MuxId, seq: number, pong: { unknown?: boolean; error?: string } = {}) =>
    frameOf(Op.Pong, muxId, {
      seq,
      payload: encodePong({ unknown: pong.unknown ?? false, error: pong.error, time: undefined }),
    }),
  /** With `text`: why the stream ended. */
  disconnect: (muxId: MuxId, text?: string) =>
    frameOf(Op.DisconnectClientMux, muxId, text === undefined ? {} : { flags: Flag.PayloadIsErr, payload: text }),
};

function creditFrame(op: number, muxId: MuxId, seq: number, count: number): Frame {
  return frameOf(op, muxId, { seq, payload: count === 1 ? emptyPayload : encodeCredit(count) });
}

/**
 * One WebSocket message of these frames: the frame itself, or a Merged one. With `hash`, frames that say so get their
 * checksum.
 */
export function messageOf(frames: readonly Frame[], hash?: Hash32): Uint8Array {
  const encoded = frames.map((frame) => encodeFrame(frame, hash));
  return encoded.length === 1 ? encoded[0]! : encodeMerged(encoded);
}

const flagNames = (Object.entries(Flag) as [string, number][]).filter(([name]) => name !== 'Crc');

/**
 * One line for one frame, for comparing: `MuxServerMsg 1 #2 Eof PayloadIsErr "text"`. The checksum flag is left out,
 * and so are a sequence number, a deadline and a handler of 0. A payload that is no short text is given by its length.
 */
export function lineOf(frame: Frame): string {
  const parts = [opName(frame.op) ?? `op ${frame.op}`, String(frame.muxId)];
  if (frame.seq !== 0) parts.push(`#${frame.seq}`);
  if (frame.handler !== 0) parts.push(`handler ${frame.handler}`);
  if (frame.deadlineMs !== 0) parts.push(`${frame.deadlineMs} ms`);
  for (const [name, bit] of flagNames) if ((frame.flags & bit) !== 0) parts.push(name);
  if (frame.payload.length > 0) parts.push(payloadText(frame.payload));
  return parts.join(' ');
}

function payloadText(payload: Uint8Array): string {
  if (payload.length > 200) return `${payload.length} bytes`;
  const text = new TextDecoder().decode(payload);
  return /^[\x20-\x7e…]*$/.test(text) ? `"${text}"` : `<${Buffer.from(payload).toString('hex')}>`;
}

/** A frame with its bytes as hex: jest compares a long text a hundred times faster than a long Uint8Array. */
export function inHex({ payload, subroute, extra, ...numbers }: Frame): object {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    ...numbers,
    payload: hex(payload),
    ...(subroute === undefined ? {} : { subroute: hex(subroute) }),
    ...(extra === undefined ? {} : { extra: hex(extra) }),
  };
}
