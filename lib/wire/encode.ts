import { type Frame, type Hash32, type MuxId } from './frame.js';
import { crcBytes, Flag, Op, subrouteBytes } from './ops.js';

/** Longest tuple, without its payload: array, muxId 9, seq 5, deadlineMs 5, handler 2, op 1, flags 1, bin header 5. */
export const maxHeadBytes = 29;

/** The fields that only a frame that opens a mux uses; some answers repeat them. */
export interface Opening {
  /** Remaining time in ms; 0 for none. */
  readonly deadlineMs: number;
  /** Handler id. */
  readonly handler: number;
  /** Bytes after the tuple: those of an extension, then the subroute where the flags announce one. */
  readonly tail?: Uint8Array | undefined;
}

/**
 * Writes the seven fields up to the payload's header at `at`, each integer in its shortest form, and returns where the
 * payload begins. There must be room for {@link maxHeadBytes}. `op` and `flags` are below 128.
 */
export function writeHead(
  out: Uint8Array,
  at: number,
  muxId: MuxId,
  op: number,
  flags: number,
  payloadLength: number,
  seq = 0,
  opening?: Opening,
): number {
  out[at++] = 0x97;
  if (typeof muxId === 'number' && muxId < 0x80) out[at++] = muxId;
  else at = writeMuxId(out, at, muxId);
  if (seq < 0x80) out[at++] = seq;
  else at = writeUint32(out, at, seq);
  if (opening === undefined) {
    out[at++] = 0;
    out[at++] = 0;
  } else {
    const { deadlineMs, handler } = opening;
    if (deadlineMs < 0x80) out[at++] = deadlineMs;
    else at = writeUint32(out, at, deadlineMs);
    if (handler >= 0x80) out[at++] = 0xcc;
    out[at++] = handler;
  }
  out[at++] = op;
  out[at++] = flags;
  return writeBinHeader(out, at, payloadLength);
}

/** Writes a MessagePack bin header in its shortest form and returns the position after it. */
function writeBinHeader(out: Uint8Array, at: number, length: number): number {
  if (length < 0x100) {
    out[at++] = 0xc4;
    out[at++] = length;
    return at;
  }
  if (length < 0x1_0000) {
    out[at++] = 0xc5;
    out[at++] = length >>> 8;
    out[at++] = length;
    return at;
  }
  out[at++] = 0xc6;
  return writeBytes4(out, at, length);
}

/** Writes an unsigned integer of up to 32 bits in its shortest form and returns the position after it. */
function writeUint32(out: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    out[at++] = value;
    return at;
  }
  if (value < 0x100) {
    out[at++] = 0xcc;
    out[at++] = value;
    return at;
  }
  if (value < 0x1_0000) {
    out[at++] = 0xcd;
    out[at++] = value >>> 8;
    out[at++] = value;
    return at;
  }
  out[at++] = 0xce;
  return writeBytes4(out, at, value);
}

/** Writes a checksum, little-endian, and returns the position after it. */
export function writeCrc(out: Uint8Array, at: number, crc: number): number {
  out[at++] = crc;
  out[at++] = crc >>> 8;
  out[at++] = crc >>> 16;
  out[at++] = crc >>> 24;
  return at;
}

/**
 * Encodes one frame in the simple way, with one allocation per frame. The hot path is {@link Batch}; this function
 * serves the handshake, and tests as an oracle.
 */
export function encodeFrame(frame: Frame, hash?: Hash32): Uint8Array {
  const { payload, subroute, extra } = frame;
  const out = new Uint8Array(
    maxHeadBytes + payload.length + (extra?.length ?? 0) + (subroute === undefined ? 0 : subrouteBytes) + crcBytes,
  );
  let at = writeHead(out, 0, frame.muxId, frame.op, frame.flags, payload.length, frame.seq, frame);
  for (const part of [payload, extra, subroute]) {
    if (part === undefined) continue;
    out.set(part, at);
    at += part.length;
  }
  if ((frame.flags & Flag.Crc) !== 0 && hash !== undefined) at = writeCrc(out, at, hash(out.subarray(0, at)));
  return out.subarray(0, at);
}

/**
 * Encodes a Merged message of whole, encoded frames. With `hash`, its outer tuple carries one checksum over all of it.
 */
export function encodeMerged(frames: readonly Uint8Array[], hash?: Hash32): Uint8Array {
  const size = frames.reduce((sum, frame) => sum + frame.length + 5, maxHeadBytes + crcBytes);
  const out = new Uint8Array(size);
  let at = writeHead(out, 0, 0, Op.Merged, hash === undefined ? 0 : Flag.Crc, 0, frames.length);
  for (const frame of frames) {
    at = writeBinHeader(out, at, frame.length);
    out.set(frame, at);
    at += frame.length;
  }
  if (hash !== undefined) at = writeCrc(out, at, hash(out.subarray(0, at)));
  return out.subarray(0, at);
}

function writeMuxId(out: Uint8Array, at: number, muxId: MuxId): number {
  if (typeof muxId === 'number' && muxId < 0x1_0000_0000) return writeUint32(out, at, muxId);
  out[at++] = 0xcf;
  if (typeof muxId === 'bigint') {
    at = writeBytes4(out, at, Number(muxId >> 32n));
    return writeBytes4(out, at, Number(muxId & 0xffff_ffffn));
  }
  at = writeBytes4(out, at, Math.floor(muxId / 0x1_0000_0000));
  return writeBytes4(out, at, muxId % 0x1_0000_0000);
}

function writeBytes4(out: Uint8Array, at: number, value: number): number {
  out[at++] = value >>> 24;
  out[at++] = value >>> 16;
  out[at++] = value >>> 8;
  out[at++] = value;
  return at;
}
