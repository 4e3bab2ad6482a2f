/**
 * Writes values that have been validated into the buffer of msgpack-lite: what it would write wrongly (large integers,
 * bigints), and what it takes three times as long for (records, arrays, short texts). It writes the rest: nil, booleans,
 * small integers, bytes, times and long texts.
 */

import { isBytes } from './codec.js';
import { floatOf } from './float.js';
import type { Sink } from './msgpack-sink.js';
import { isRecord } from './msgpack-value.js';

/** The encoder of msgpack-lite. */
export interface Target {
  readonly buffer: Sink;
  /** Where the next byte goes. */
  offset: number;
  /** Makes room, if necessary in a new buffer. Returns where it starts. */
  reserve(length: number): number;
}

/** Writes one value. */
export type WriteValue = (target: Target, value: unknown) => void;

/** Writes any value; `writeOther` is what msgpack-lite has for that. */
export function valueWriter(writeOther: WriteValue): WriteValue {
  const writeText = (target: Target, text: string): void => {
    if (!writeShortText(target, text)) writeOther(target, text);
  };
  const writeObject = (target: Target, value: object): void => {
    if (Array.isArray(value)) {
      // A getter may change the array, but not what its head declares.
      const { length } = value;
      writeLength(target, 0x90, 0xdc, length);
      for (let index = 0; index < length; index++) writeValue(target, value[index]);
    } else if (isRecord(value)) {
      const keys = Object.keys(value);
      writeLength(target, 0x80, 0xde, keys.length);
      for (const key of keys) {
        writeText(target, key);
        writeValue(target, value[key]);
      }
    } else {
      const float = floatOf(value);
      if (float === undefined) writeOther(target, isBytes(value) ? wholeBuffer(value) : value);
      else writeFloat(target, float);
    }
  };
  const writeValue: WriteValue = (target, value) => {
    switch (typeof value) {
      case 'string':
        writeText(target, value);
        break;
      case 'number':
        if ((value | 0) === value) writeOther(target, value);
        else writeNumber(target, value);
        break;
      case 'bigint':
        writeInt64(target, value >= 0n, Number(value >> 32n), Number(value & 0xffff_ffffn));
        break;
      default:
        if (typeof value === 'object' && value !== null) writeObject(target, value);
        else writeOther(target, value);
    }
  };
  return writeValue;
}

/** Length from which a TextEncoder is faster than a loop. */
const shortText = 64;
const word = 0x1_0000_0000;

/** Writes the head of an array or a map. `wide` is followed by 16 bits, the byte behind it by 32. */
function writeLength(target: Target, fixed: number, wide: number, length: number): void {
  const offset = target.reserve(5);
  const { buffer } = target;
  if (length < 16) {
    buffer[offset] = fixed | length;
    target.offset = offset + 1;
  } else if (length <= 0xffff) {
    buffer[offset] = wide;
    buffer.view.setUint16(offset + 1, length);
    target.offset = offset + 3;
  } else {
    buffer[offset] = wide + 1;
    buffer.view.setUint32(offset + 1, length);
  }
}

/** Writes a text of few ASCII characters. Returns false for any other one, which is not written. */
function writeShortText(target: Target, text: string): boolean {
  const { length } = text;
  if (length >= shortText) return false;
  const start = target.reserve(2 + length);
  const { buffer } = target;
  let offset = start;
  if (length < 32) {
    buffer[offset++] = 0xa0 | length;
  } else {
    buffer[offset++] = 0xd9;
    buffer[offset++] = length;
  }
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) {
      target.offset = start;
      return false;
    }
    buffer[offset++] = unit;
  }
  target.offset = offset;
  return true;
}

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
