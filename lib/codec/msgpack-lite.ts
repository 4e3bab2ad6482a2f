import { createCodec, Decoder, encode } from 'msgpack-lite';

import type { ReadLeaf } from './msgpack-read.js';
import { sinks, withSink } from './msgpack-sink.js';
import { gridTime, gridTimeType, readTime, standardTime, standardTimeType } from './msgpack-timestamp.js';
import { valueWriter, type WriteValue } from './msgpack-write.js';

/**
 * msgpack-lite, for values and payloads that have been validated. Its faults are corrected through its hooks: it
 * encodes large integers as floats and supports no bigint, takes a field named `constructor` for a class, builds texts
 * byte by byte (1 MiB took 140 ms and 32 MiB of memory), and behaves differently in Node and in browsers. Records,
 * arrays, short texts and most numbers are written by `msgpack-write.ts`.
 */
export interface MsgpackLite {
  /** Encodes a value that `msgpackValue` returned. The result is exactly as long as its buffer. */
  encode(value: unknown): Uint8Array;
  /** Decodes nil, booleans, numbers and times whose bytes are known to be present. */
  readonly readLeaf: ReadLeaf;
}

/** What msgpack-lite reads from. Its types do not declare these fields. */
interface Source {
  buffer: Uint8Array;
  offset: number;
}

/** Parts of a codec of msgpack-lite 0.2.2 that its types do not declare, and the reason why its version is pinned. */
interface Internals {
  /** Writes one value; called for each value and key within a value. */
  encode: WriteValue;
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

  internals.encode = valueWriter(internals.encode);

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
