import { createCodec, decode, encode } from 'msgpack-lite';

import { isBytes } from './codec.js';
import { type Sink, sinks, withSink } from './msgpack-sink.js';
import { gridTime, gridTimeType, readTime, standardTime, standardTimeType } from './msgpack-timestamp.js';

/**
 * msgpack-lite for values and payloads that were checked. What it does wrong or badly is replaced where it lets us in: it
 * writes large integers as floats and knows no bigint, takes a field named `constructor` for a class, puts texts together
 * byte by byte (a MiB took 140 ms and 32 MiB of memory), and works otherwise in Node than in browsers.
 */
export interface MsgpackLite {
  /** Writes a value as `msgpackValue` gives it; the result is exactly as long as its buffer. */
  encode(value: unknown): Uint8Array;
  /** Reads a payload that `scanMsgpack` has passed. */
  decode(bytes: Uint8Array): unknown;
}

interface Target {
  readonly buffer: Sink;
  /** Makes room, in a new buffer if need be; gives where it starts. */
  reserve(length: number): number;
}

interface Source {
  readonly buffer: Uint8Array;
  offset: number;
}

/** Parts of a codec of msgpack-lite 0.2.2 that its types do not show. They are why its version is pinned. */
interface Internals {
  /** Writes one value; called for each value and key within a value. */
  encode: (target: Target, value: unknown) => void;
  /** Reads one value; called for each value and key within a value. */
  decode: (source: Source) => unknown;
  /** Gives the packer for an object that becomes an ext. */
  getExtPacker: (value: object) => unknown;
  bufferish: typeof sinks;
}

/** Makes one with times as the option of `msgpack()` says. */
export function msgpackLite(timestamps: 'standard' | 'grid'): MsgpackLite {
  const codec = createCodec({ binarraybuffer: true, preset: false });
  const internals = codec as unknown as Internals;

  // 0xff is type −1: msgpack-lite has ext types without a sign.
  for (const type of [standardTimeType, gridTimeType]) {
    codec.addExtUnpacker(type, (data) => new Date(readTime(type, data) ?? NaN));
  }
  if (timestamps === 'grid') codec.addExtPacker(gridTimeType, Date, (date) => gridTime(date.getTime()));
  else codec.addExtPacker(standardTimeType, Date, (date) => standardTime(date.getTime()));
  // Its own goes by the name of `value.constructor`.
  const packDate = internals.getExtPacker(new Date(0));
  internals.getExtPacker = (value) => (value instanceof Date ? packDate : undefined);

  internals.bufferish = sinks;

  const encodeOther = internals.encode;
  internals.encode = (target, value) => {
    if (typeof value === 'number') {
      if ((value | 0) === value) encodeOther(target, value);
      else writeNumber(target, value);
    } else if (typeof value === 'bigint') {
      writeInt64(target, value >= 0n, Number(value >> 32n), Number(value & 0xffff_ffffn));
    } else {
      encodeOther(target, isBytes(value) ? wholeBuffer(value) : value);
    }
  };

  const decodeOther = internals.decode;
  internals.decode = (source) => {
    const head = source.buffer[source.offset]!;
    if (head >= 0xa0 && head < 0xc0) return readText(source, source.offset + 1, head & 0x1f);
    switch (head) {
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return new Uint8Array(decodeOther(source) as ArrayBuffer);
      case 0xcb:
        return read8(source).getFloat64(0);
      case 0xcf:
        return integer(read8(source).getUint32(0));
      case 0xd3:
        return integer(read8(source).getInt32(0));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return readSizedText(source, 1 << (head - 0xd9));
      default:
        return decodeOther(source);
    }
  };

  return {
    encode: (value) => withSink(() => encode(value, { codec })),
    decode: (bytes) => decode(bytes, { codec }) as unknown,
  };
}

const word = 0x1_0000_0000;

/** Writes what is no int32. Beyond 2^53 it is a float: an integer there is not exact anyway, and arrives as it was. */
function writeNumber(target: Target, value: number): void {
  if (value >= 0 && value < word && Number.isInteger(value)) {
    const offset = target.reserve(5);
    target.buffer[offset] = 0xce;
    target.buffer.view.setUint32(offset + 1, value);
  } else if (Number.isSafeInteger(value)) {
    writeInt64(target, value > 0, Math.floor(value / word), value >>> 0);
  } else {
    const offset = target.reserve(9);
    target.buffer[offset] = 0xcb;
    target.buffer.view.setFloat64(offset + 1, value);
  }
}

/** Writes the halves of a two's complement. */
function writeInt64(target: Target, positive: boolean, high: number, low: number): void {
  const offset = target.reserve(9);
  const { buffer } = target;
  buffer[offset] = positive ? 0xcf : 0xd3;
  buffer.view.setUint32(offset + 1, high);
  buffer.view.setUint32(offset + 5, low);
}

/** msgpack-lite writes bin from a whole ArrayBuffer; it copies it. */
function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? buffer
    : new Uint8Array(bytes).buffer;
}

const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);

/** Reads the eight bytes of a number into a view that lasts until the next call. */
function read8(source: Source): DataView {
  const { buffer, offset } = source;
  for (let i = 0; i < 8; i++) eight[i] = buffer[offset + 1 + i]!;
  source.offset = offset + 9;
  return eightView;
}

/** A number where it is exact, a bigint where not. The low half is that of the latest `read8`. */
function integer(high: number): number | bigint {
  const low = eightView.getUint32(4);
  // Beyond 2^53 the number is rounded, and never to a safe one.
  const number = high * word + low;
  return Number.isSafeInteger(number) ? number : (BigInt(high) << 32n) | BigInt(low);
}

/** Length from which a TextDecoder is faster than a loop. */
const longText = 64;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads a text that has its length in `width` bytes after its first one. */
function readSizedText(source: Source, width: number): string {
  let start = source.offset + 1;
  let length = 0;
  for (let i = 0; i < width; i++) length = length * 256 + source.buffer[start++]!;
  return readText(source, start, length);
}

function readText(source: Source, start: number, length: number): string {
  const { buffer } = source;
  const end = start + length;
  source.offset = end;
  if (length < longText) {
    let text = '';
    let pos = start;
    // Four at a time: each step makes a string.
    while (pos + 4 <= end) {
      const a = buffer[pos]!;
      const b = buffer[pos + 1]!;
      const c = buffer[pos + 2]!;
      const d = buffer[pos + 3]!;
      if ((a | b | c | d) >= 0x80) break;
      text += String.fromCharCode(a, b, c, d);
      pos += 4;
    }
    while (pos < end && buffer[pos]! < 0x80) text += String.fromCharCode(buffer[pos++]!);
    if (pos === end) return text;
  }
  return decoder.decode(buffer.subarray(start, end));
}
