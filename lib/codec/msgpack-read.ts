/**
 * Decodes a payload from an untrusted peer, and validates it in the same pass. A payload must be exactly one
 * MessagePack value: every declared byte and element is present, the bounds are kept, texts are UTF-8, keys are texts
 * other than `__proto__`, and the only exts are times. A declared length allocates nothing, so the cost is proportional
 * to the bytes that were received.
 *
 * Containers, texts, bytes, and the numbers that msgpack-lite would round are decoded here. msgpack-lite decodes the
 * other numbers, nil, booleans and times, once their bytes are known to be present.
 */

import { CodecError } from '../errors.js';
import { ARRAY, BIN, EXT, kindOf, lengthIn, MAP, NEVER, TEXT, widthOf } from '../wire/msgpack/msgpack-head.js';
import { pathText } from './msgpack-path.js';
import { readTime } from './msgpack-timestamp.js';

/** Bounds of the values that the MessagePack codec encodes and decodes. */
export interface MsgpackBounds {
  /** Levels of arrays and maps within each other; a number or a text alone has none. */
  readonly maxDepth: number;
  /** Elements of all arrays plus entries of all maps. */
  readonly maxItems: number;
}

/** Reads one value at `offset` that is neither a container nor a text. All of its bytes are present. */
export type ReadLeaf = (bytes: Uint8Array, offset: number) => unknown;

/**
 * Reads the value of a payload; see the head of this file.
 *
 * @throws CodecError for anything else, with the place in the value and in the bytes.
 */
export function readMsgpack(bytes: Uint8Array, bounds: MsgpackBounds, readLeaf: ReadLeaf): unknown {
  return new Reading(bytes, bounds, readLeaf).whole();
}

class Reading {
  readonly #bytes: Uint8Array;
  #at = 0;
  readonly #maxDepth: number;
  readonly #maxItems: number;
  readonly #readLeaf: ReadLeaf;
  // The step from each level to the next, for the texts of errors. Undefined where a key is being read.
  readonly #path: (string | number | undefined)[] = [];
  #items = 0;
  // Values and keys that were declared and not read yet. Each takes at least one byte: if there are more of them than
  // bytes, the payload is rejected before anything is allocated for it.
  #owed = 1;

  constructor(bytes: Uint8Array, { maxDepth, maxItems }: MsgpackBounds, readLeaf: ReadLeaf) {
    this.#bytes = bytes;
    this.#maxDepth = maxDepth;
    this.#maxItems = maxItems;
    this.#readLeaf = readLeaf;
  }

  whole(): unknown {
    const value = this.#value(0);
    const behind = this.#bytes.length - this.#at;
    if (behind > 0) throw this.#fault(0, this.#at, `${behind} bytes follow the value`);
    return value;
  }

  #value(depth: number): unknown {
    const start = this.#at;
    const bytes = this.#bytes;
    if (start >= bytes.length) throw this.#tooShort(depth, start);
    this.#owed--;
    const head = bytes[start]!;
    if (head < 0x80) {
      this.#at = start + 1;
      return head;
    }
    if (head >= 0xa0 && head < 0xc0) return this.#text(depth, start, start + 1, head & 0x1f);
    const kind = kindOf(head);
    const length = this.#length(head, depth, start);
    switch (kind) {
      case TEXT:
        return this.#text(depth, start, this.#at, length);
      case ARRAY:
        this.#open(depth, start, length, length);
        return this.#array(depth, length);
      case MAP:
        this.#open(depth, start, length, length * 2);
        return this.#map(depth, length);
      case NEVER:
        throw this.#fault(depth, start, 'the byte 0xc1 is not MessagePack');
      default:
        return this.#leaf(kind, head, depth, start, length);
    }
  }

  // The length that the value's head declares; the position is behind it afterwards.
  #length(head: number, depth: number, start: number): number {
    this.#at = start + 1;
    const width = widthOf(head);
    if (width === 0) return lengthIn(head);
    const bytes = this.#bytes;
    if (width > bytes.length - this.#at) throw this.#tooShort(depth, start);
    let length = 0;
    for (let count = 0; count < width; count++) length = length * 256 + bytes[this.#at++]!;
    return length;
  }

  #open(depth: number, start: number, length: number, values: number): void {
    this.#owed += values;
    if (this.#owed > this.#bytes.length - this.#at) {
      throw this.#fault(depth, start, `${length} items declared, more than there are bytes`);
    }
    this.#items += length;
    if (this.#items > this.#maxItems) {
      const text = `more than ${this.#maxItems} items; send fewer at once, or raise maxItems`;
      throw this.#fault(depth, start, text);
    }
    if (depth >= this.#maxDepth) {
      const text = `deeper than ${this.#maxDepth} levels; send a flatter value, or raise maxDepth`;
      throw this.#fault(depth, start, text);
    }
  }

  #array(depth: number, length: number): unknown[] {
    const array: unknown[] = [];
    for (let index = 0; index < length; index++) {
      this.#path[depth] = index;
      array.push(this.#value(depth + 1));
    }
    return array;
  }

  #map(depth: number, length: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let index = 0; index < length; index++) {
      this.#path[depth] = undefined;
      const key = this.#key(depth + 1);
      this.#path[depth] = key;
      map[key] = this.#value(depth + 1);
    }
    return map;
  }

  #key(depth: number): string {
    const start = this.#at;
    if (start >= this.#bytes.length) throw this.#tooShort(depth, start);
    this.#owed--;
    const head = this.#bytes[start]!;
    const length = this.#length(head, depth, start);
    if (kindOf(head) !== TEXT) throw this.#fault(depth, start, 'a key is not a text; send maps with text keys');
    const from = this.#at;
    const known = knownKey(this.#bytes, from, length);
    if (known !== undefined) {
      this.#at = from + length;
      return known;
    }
    const key = this.#text(depth, start, from, length);
    if (key === '__proto__') throw this.#fault(depth, start, 'the key __proto__ is refused; rename it');
    if (isKeyKept(length)) knownKeys[slotOf(this.#bytes, from, length)] = key;
    return key;
  }

  #text(depth: number, start: number, from: number, length: number): string {
    const bytes = this.#bytes;
    const end = from + length;
    if (end > bytes.length) throw this.#tooShort(depth, start);
    this.#at = end;
    if (length < longText) {
      let text = '';
      let at = from;
      // Four at a time: each step makes a string.
      while (at + 4 <= end) {
        const a = bytes[at]!;
        const b = bytes[at + 1]!;
        const c = bytes[at + 2]!;
        const d = bytes[at + 3]!;
        if ((a | b | c | d) >= 0x80) break;
        text += String.fromCharCode(a, b, c, d);
        at += 4;
      }
      while (at < end && bytes[at]! < 0x80) text += String.fromCharCode(bytes[at++]!);
      if (at === end) return text;
    }
    try {
      return decoder.decode(bytes.subarray(from, end));
    } catch {
      throw this.#fault(depth, start, 'a text is not UTF-8; send such bytes as bin');
    }
  }

  #leaf(kind: number, head: number, depth: number, start: number, length: number): unknown {
    const bytes = this.#bytes;
    const from = this.#at;
    // An ext has a type before its data.
    const end = from + length + (kind === EXT ? 1 : 0);
    if (end > bytes.length) throw this.#tooShort(depth, start);
    if (kind === EXT) {
      const type = bytes[from]!;
      if (readTime(type, bytes.subarray(from + 1, end)) === undefined) {
        throw this.#fault(depth, start, extText(type, length));
      }
    }
    this.#at = end;
    // Not slice(): that of a Buffer is a view.
    if (kind === BIN) return new Uint8Array(bytes.subarray(from, end));
    if (head === 0xcb) return view8(bytes, from).getFloat64(0);
    if (head === 0xcf) return integer(view8(bytes, from).getUint32(0));
    if (head === 0xd3) return integer(view8(bytes, from).getInt32(0));
    return this.#readLeaf(bytes, start);
  }

  #tooShort(depth: number, at: number): CodecError {
    return this.#fault(depth, at, 'the bytes end too early');
  }

  // What is wrong begins at the byte `at`, `depth` levels deep. A wrong key is a fault of its map.
  #fault(depth: number, at: number, text: string): CodecError {
    const path = this.#path.slice(0, depth).filter((step) => step !== undefined);
    return new CodecError(
      `Cannot decode the payload at ${pathText(path)} (byte ${at} of ${this.#bytes.length}): ${text}.`,
    );
  }
}

/**
 * Keys that were read before. The records of a service have the same few keys: to compare one with its bytes takes a
 * quarter of the time that it takes to make the text, and V8 need not look it up as a name again.
 */
const knownKeys = new Array<string | undefined>(256).fill(undefined);

/** Only of these are there any. */
const isKeyKept = (length: number): boolean => length > 0 && length < 32;

function slotOf(bytes: Uint8Array, from: number, length: number): number {
  const sample = bytes[from]! + 7 * bytes[from + (length >> 1)]! + 31 * bytes[from + length - 1]!;
  return (sample + 3 * length) & 0xff;
}

/** The key whose text is these bytes, if it is known. Bytes that are missing equal none. */
function knownKey(bytes: Uint8Array, from: number, length: number): string | undefined {
  if (!isKeyKept(length)) return undefined;
  const key = knownKeys[slotOf(bytes, from, length)];
  if (key?.length !== length) return undefined;
  for (let index = 0; index < length; index++) {
    if (key.charCodeAt(index) !== bytes[from + index]) return undefined;
  }
  return key;
}

/** Length from which a TextDecoder is faster than a loop. */
const longText = 64;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

const word = 0x1_0000_0000;
const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);

/** The eight bytes of a number in a view that lasts until the next call. */
function view8(bytes: Uint8Array, from: number): DataView {
  for (let index = 0; index < 8; index++) eight[index] = bytes[from + index]!;
  return eightView;
}

/** A number where it is exact, a bigint where not. The low half is that of the latest {@link view8}. */
function integer(high: number): number | bigint {
  const low = eightView.getUint32(4);
  // Beyond 2^53 the number is rounded, and never to a safe one.
  const number = high * word + low;
  return Number.isSafeInteger(number) ? number : (BigInt(high) << 32n) | BigInt(low);
}

function extText(type: number, length: number): string {
  const signed = type > 0x7f ? type - 0x100 : type;
  if (signed === -1 || signed === 5) return `ext type ${signed} of ${length} bytes is no time that a Date can hold`;
  return `unknown ext type ${signed}; only times (−1, and 5) are known`;
}
