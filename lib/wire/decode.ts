import { ProtocolError } from '../errors.js';
import { keep, readOn } from '../lent.js';
import { emptyPayload, FrameView, type Frame, type Hash32, type MuxId } from './frame.js';
import { crcBytes, Flag, Op, subrouteBytes } from './ops.js';

/**
 * Reads the frame at [start, end) of `bytes` into `out`. Payload, subroute and extra bytes are views into `bytes`.
 * With `hash`, the checksum is compared wherever the flag says that there is one.
 *
 * @throws ProtocolError where the bytes are no frame, or the checksum differs: framing is lost, the connection must
 * close.
 */
export function decodeFrame(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: FrameView,
  hash: Hash32 | undefined,
): void {
  if (end - start < 8) throw new ProtocolError(`A frame of ${String(end - start)} bytes is too short.`);
  if (bytes[start] !== 0x97) throw new ProtocolError('A frame must begin with a MessagePack array of 7.');
  limit = end;
  // One-byte fields are read inline, longer ones in functions. Measured: with calls for all fields a frame took 1.3x as
  // long.
  let p = start + 1;
  let byte = bytes[p]!;
  if (byte < 0x80) {
    out.muxId = byte;
    p++;
  } else {
    at = p;
    out.muxId = readMuxId(bytes);
    p = at;
  }
  byte = bytes[p]!;
  if (byte < 0x80) {
    out.seq = byte;
    p++;
  } else {
    out.seq = readUint(bytes, p, 0xffff_ffff, 'seq');
    p = at;
  }
  byte = bytes[p]!;
  if (byte < 0x80) {
    out.deadlineMs = byte;
    p++;
  } else {
    out.deadlineMs = readUint(bytes, p, 0xffff_ffff, 'deadlineMs');
    p = at;
  }
  let flags = bytes[p + 2]!;
  // Bytes read beyond the end of the frame are never used: the payload's header is then missing, which is a fault.
  if ((bytes[p]! | bytes[p + 1]! | flags) < 0x80) {
    out.handler = bytes[p]!;
    out.op = bytes[p + 1]!;
    p += 3;
  } else {
    out.handler = readUint(bytes, p, 0xff, 'handler');
    out.op = readUint(bytes, at, 0xff, 'op');
    flags = readUint(bytes, at, 0xff, 'flags');
    p = at;
  }
  out.flags = flags;
  at = p;
  const length = readBinLength(bytes);
  p = at;
  let tail = end;
  if ((flags & (Flag.Crc | Flag.Subroute)) !== 0) {
    if ((flags & Flag.Crc) !== 0) tail -= crcBytes;
    if ((flags & Flag.Subroute) !== 0) tail -= subrouteBytes;
  }
  if (p + length > tail) throw new ProtocolError(`A payload of ${String(length)} bytes does not fit in its frame.`);
  if (hash !== undefined && (flags & Flag.Crc) !== 0) checkHash(bytes, start, end, hash);
  out.payload = length === 0 ? emptyPayload : bytes.subarray(p, p + length);
  out.subroute = (flags & Flag.Subroute) !== 0 ? bytes.subarray(tail, tail + subrouteBytes) : undefined;
  // A Merged tuple is followed by its frames, not by extra bytes.
  bodyAt = p + length;
  out.extra = bodyAt < tail && out.op !== Op.Merged ? bytes.subarray(bodyAt, tail) : undefined;
}

/**
 * Iterates over the frames of one WebSocket message, which is either a single frame or a Merged frame with several. The
 * iteration may be interrupted and continued.
 */
export class MessageCursor {
  readonly #out: FrameView;
  readonly #hash: Hash32 | undefined;
  readonly #maxFrames: number;
  #message: Uint8Array = emptyPayload;
  // Start of the next merged frame, and end of the last one.
  #position = 0;
  #end = 0;
  #left = 0;
  #merged = false;

  /** `out` receives one frame at a time. A message with more than `maxFrames` frames is a fault. */
  constructor(out: FrameView, hash: Hash32 | undefined, maxFrames = Infinity) {
    this.#out = out;
    this.#hash = hash;
    this.#maxFrames = maxFrames;
  }

  /** Starts a message. @throws ProtocolError as {@link decodeFrame}, and for too many frames. */
  begin(message: Uint8Array): void {
    const out = this.#out;
    this.#left = 0;
    decodeFrame(message, 0, message.length, out, this.#hash);
    this.#merged = out.op === Op.Merged;
    this.#left = this.#merged ? out.seq : 1;
    if (!this.#merged) return;
    if (this.#left > this.#maxFrames) {
      throw new ProtocolError(
        `A message has ${String(this.#left)} frames, and at most ${String(this.#maxFrames)} are taken (maxMessageFrames).`,
      );
    }
    this.#message = message;
    this.#position = bodyAt;
    this.#end = message.length - ((out.flags & Flag.Crc) !== 0 ? crcBytes : 0);
  }

  /**
   * Continues until `visit` returns false. Returns false where frames are left.
   *
   * @throws ProtocolError as {@link decodeFrame}; frames before the fault have been visited.
   */
  walk(visit: (frame: FrameView) => boolean): boolean {
    const out = this.#out;
    if (!this.#merged) {
      if (this.#left === 0) return true;
      this.#left = 0;
      visit(out);
      return true;
    }
    let message = this.#message;
    const end = this.#end;
    while (this.#left > 0) {
      this.#left--;
      at = this.#position;
      limit = end;
      const length = readBinLength(message);
      const from = at;
      this.#position = from + length;
      if (this.#position > end) throw new ProtocolError('A merged frame is longer than its message.');
      decodeFrame(message, from, this.#position, out, this.#hash);
      if (out.op === Op.Merged) throw new ProtocolError('Merged frames do not nest.');
      const goOn = visit(out);
      // A consumer that kept a payload may have copied the message: the payloads behind that one need not be copied
      // again.
      message = readOn(message);
      if (!goOn) break;
    }
    if (this.#left > 0) {
      this.#message = keep(message);
      return false;
    }
    this.#message = emptyPayload;
    return true;
  }
}

/**
 * Iterates over the frames of one WebSocket message. `out` receives one frame at a time; `visit` returns false to stop.
 *
 * @throws ProtocolError as {@link decodeFrame}; frames before the fault have been visited.
 */
export function decodeMessage(
  message: Uint8Array,
  out: FrameView,
  hash: Hash32 | undefined,
  visit: (frame: FrameView) => boolean,
): void {
  const cursor = new MessageCursor(out, hash);
  cursor.begin(message);
  cursor.walk(visit);
}

/** Copies the current frame of a view, for code that keeps frames: transcripts, `frames$`, tests. */
export function copyFrame(view: FrameView): Frame {
  return {
    muxId: view.muxId,
    seq: view.seq,
    deadlineMs: view.deadlineMs,
    handler: view.handler,
    op: view.op,
    flags: view.flags,
    payload: view.payload.slice(),
    ...(view.subroute === undefined ? {} : { subroute: view.subroute.slice() }),
    ...(view.extra === undefined ? {} : { extra: view.extra.slice() }),
  };
}

/** All frames of one WebSocket message, copied. @throws ProtocolError as {@link decodeMessage}. */
export function decodeFrames(message: Uint8Array, hash: Hash32 | undefined): Frame[] {
  const frames: Frame[] = [];
  decodeMessage(message, new FrameView(), hash, (view) => {
    frames.push(copyFrame(view));
    return true;
  });
  return frames;
}

// The reader's position, as module state: reading is synchronous and never re-entered between the fields of a frame,
// and passing the position in and out of each function took a third of the decode time.
let at = 0;
let limit = 0;
let bodyAt = 0;

function need(count: number): void {
  if (at + count > limit) throw new ProtocolError('The frame ends in the middle of its tuple.');
}

function readUint(bytes: Uint8Array, from: number, max: number, field: string): number {
  at = from;
  need(1);
  const tag = bytes[at++]!;
  if (tag < 0x80) return tag;
  let value: number;
  if (tag === 0xcc) {
    need(1);
    value = bytes[at]!;
    at += 1;
  } else if (tag === 0xcd) {
    need(2);
    value = (bytes[at]! << 8) | bytes[at + 1]!;
    at += 2;
  } else if (tag === 0xce) {
    need(4);
    value = uint32(bytes, at);
    at += 4;
  } else if (tag === 0xcf) {
    need(8);
    value = uint32(bytes, at) * 0x1_0000_0000 + uint32(bytes, at + 4);
    at += 8;
  } else {
    throw new ProtocolError(`Field ${field} is not an unsigned integer.`);
  }
  if (value > max) throw new ProtocolError(`Field ${field} is out of range.`);
  return value;
}

function readMuxId(bytes: Uint8Array): MuxId {
  if (at < limit && bytes[at] === 0xcf) {
    need(9);
    const high = uint32(bytes, at + 1);
    const low = uint32(bytes, at + 5);
    at += 9;
    return high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low);
  }
  return readUint(bytes, at, 0xffff_ffff, 'muxId');
}

function readBinLength(bytes: Uint8Array): number {
  need(2);
  const tag = bytes[at]!;
  if (tag === 0xc4) {
    at += 2;
    return bytes[at - 1]!;
  }
  at++;
  if (tag === 0xc5) {
    need(2);
    at += 2;
    return (bytes[at - 2]! << 8) | bytes[at - 1]!;
  }
  if (tag === 0xc6) {
    need(4);
    at += 4;
    return uint32(bytes, at - 4);
  }
  throw new ProtocolError('A payload or a merged frame must be of MessagePack type bin.');
}

function uint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0;
}

function checkHash(bytes: Uint8Array, start: number, end: number, hash: Hash32): void {
  const split = end - crcBytes;
  const expected =
    (bytes[split]! | (bytes[split + 1]! << 8) | (bytes[split + 2]! << 16) | (bytes[split + 3]! << 24)) >>> 0;
  if (hash(bytes.subarray(start, split)) !== expected) throw new ProtocolError('The checksum of a frame differs.');
}
