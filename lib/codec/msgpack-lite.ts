import { createCodec, Decoder, encode } from 'msgpack-lite';

import { floatOf } from './float.js';
import { isBytes } from './codec.js';
import type { ReadLeaf } from './msgpack-read.js';
import { type Sink, sinks, withSink } from './msgpack-sink.js';
import { gridTime, gridTimeType, readTime, standardTime, standardTimeType } from './msgpack-timestamp.js';

/**
 * msgpack-lite, for values and payloads that have been validated. Its faults are corrected through its hooks: it
 * encodes large integers as floats and supports no bigint, takes a field named `constructor` for a class, builds texts
 * byte by byte (1 MiB took 140 ms and 32 MiB of memory), and behaves differently in Node and in browsers.
 */
export interface MsgpackLite {
  /** Encodes a value that `msgpackValue` returned. The result is exactly as long as its buffer. */
  encode(value: unknown): Uint8Array;
  /** Decodes nil, booleans, numbers and times whose bytes are known to be present. */
  readonly readLeaf: ReadLeaf;
}

interface Target {
  readonly buffer: Sink;
  /** Makes room, if necessary in a new buffer. Returns where it starts. */
  reserve(length: number): number;
}

/** What msgpack-lite reads from. Its types do not declare these fields. */
interface Source {
  buffer: Uint8Array;
  offset: number;
}

/** Parts of a codec of msgpack-lite 0.2.2 that its types do not declare, and the reason why its version is pinned. */
interface Internals {
  /** Writes one value; called for each value and key within a value. */
  encode: (target: Target, value: unknown) => void;
  /** Reads one value. */
  decode: (source: Source) => unknown;
  /** Returns the packer of an object that is encoded as an ext. */
  getExtPacker: (value: object) => unknown;
  bufferish: typeof sinks;
}

/** Creates one. `timestamps` is the option of `msgpack()`. */
export function msgpackLite(timestamps: 'standard' | 'grid'): MsgpackLite {
  const codec = createCodec({ binarraybuffer: true, preset: false });
  const internals = codec as unknown as Internals;

  // 0xff is type −1: msgpack-lite has ext types without a sign.
  for (const type of [standardTimeType, gridTimeType]) {
    codec.addExtUnpacker(type, (data) => new Date(readTime(type, data) ?? NaN));
  }
  if (timestamps === 'grid') codec.addExtPacker(gridTimeType, Date, (date) => gridTime(date.getTime()));
  else codec.addExtPacker(standardTimeType, Date, (date) => standardTime(date.getTime()));
  // The original looks the packer up by the name of `value.constructor`.
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
      const float = floatOf(value);
      if (float === undefined) encodeOther(target, isBytes(value) ? wholeBuffer(value) : value);
      else writeFloat(target, float);
    }
  };

  const source = new (Decoder as unknown as new (options: object) => Source)({ codec });

  return {
    encode: (value) => withSink(() => encode(value, { codec })),
    readLeaf: (bytes, offset) => {
      source.buffer = bytes;
      source.offset = offset;
      const value = internals.decode(source);
      source.buffer = nothing;
      return value;
    },
  };
}

const nothing = new Uint8Array(0);
const word = 0x1_0000_0000;

/** Writes a number that is no int32. Beyond 2^53 it is written as a float, because an integer is not exact there. */
function writeNumber(target: Target, value: number): void {
  if (value >= 0 && value < word && Number.isInteger(value)) {
    const offset = target.reserve(5);
    target.buffer[offset] = 0xce;
    target.buffer.view.setUint32(offset + 1, value);
  } else if (Number.isSafeInteger(value)) {
    writeInt64(target, value > 0, Math.floor(value / word), value >>> 0);
  } else {
    writeFloat(target, value);
  }
}

function writeFloat(target: Target, value: number): void {
  const offset = target.reserve(9);
  target.buffer[offset] = 0xcb;
  target.buffer.view.setFloat64(offset + 1, value);
}

/** Writes the halves of a two's complement. */
function writeInt64(target: Target, positive: boolean, high: number, low: number): void {
  const offset = target.reserve(9);
  const { buffer } = target;
  buffer[offset] = positive ? 0xcf : 0xd3;
  buffer.view.setUint32(offset + 1, high);
  buffer.view.setUint32(offset + 5, low);
}

/** msgpack-lite encodes a whole ArrayBuffer as bin, and copies it. */
function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? buffer
    : new Uint8Array(bytes).buffer;
}
