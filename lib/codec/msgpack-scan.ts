import { CodecError } from '../errors.js';
import { ARRAY, EXT, kinds, MAP, NEVER, SCALAR, sizes, TEXT, widths } from '../wire/msgpack-head.js';

import { pathText } from './msgpack-path.js';
import { readTime } from './msgpack-timestamp.js';

/** Bounds on the values that the MessagePack codec takes and gives. They hold in both directions. */
export interface MsgpackBounds {
  /** Levels of arrays and maps within each other; a number or a text alone has none. */
  readonly maxDepth: number;
  /** Elements of all arrays plus entries of all maps. */
  readonly maxItems: number;
}

/** An array or a map that was opened and has not ended. */
interface Level {
  readonly map: boolean;
  readonly size: number;
  /** Elements, or keys and values, to come. In a map an even number means that a key is next. */
  left: number;
  /** Where the latest key of a map is. */
  keyStart: number;
  keyEnd: number;
}

/**
 * Checks a payload before a decoder that trusts its input sees it: one MessagePack value and nothing behind it, every
 * declared byte and element really there, within the bounds, texts in UTF-8, keys that are texts and not `__proto__`, no ext but times.
 *
 * It does not recurse and allocates nothing by a declared length: its cost is that of the bytes that are there.
 *
 * @throws CodecError for all else, with the place in the value and in the bytes.
 */
export function scanMsgpack(bytes: Uint8Array, { maxDepth, maxItems }: MsgpackBounds): void {
  const end = bytes.length;
  const open: Level[] = [];
  let level: Level | undefined;
  let pos = 0;
  let items = 0;
  // Values and keys that were declared and have not come. Each takes a byte at least, so more of them than bytes is a lie
  // that is found before anything is built for it.
  let owed = 1;
  while (owed > 0) {
    const start = pos;
    if (pos >= end) throw fault(bytes, open, start, 'the bytes end too early');
    const head = bytes[pos++]!;
    owed--;
    let isKey = false;
    if (level !== undefined) {
      isKey = level.map && level.left % 2 === 0;
      level.left--;
    }

    // As the functions of msgpack-head.ts, in one go: three calls take a quarter longer.
    let kind: number;
    let length: number;
    if (head < 0x80 || head >= 0xe0) {
      kind = SCALAR;
      length = 0;
    } else if (head < 0xa0) {
      kind = head < 0x90 ? MAP : ARRAY;
      length = head & 0x0f;
    } else if (head < 0xc0) {
      kind = TEXT;
      length = head & 0x1f;
    } else {
      kind = kinds[head - 0xc0]!;
      const width = widths[head - 0xc0]!;
      if (width === 0) {
        length = sizes[head - 0xc0]!;
      } else {
        if (width > end - pos) throw fault(bytes, open, start, 'the bytes end too early');
        length = 0;
        for (let i = 0; i < width; i++) length = length * 256 + bytes[pos++]!;
      }
    }

    if (isKey && kind !== TEXT) throw fault(bytes, open, start, 'a key is not a text; send maps with text keys');
    if (kind === ARRAY || kind === MAP) {
      const left = kind === MAP ? length * 2 : length;
      owed += left;
      if (owed > end - pos) throw fault(bytes, open, start, `${length} items declared, more than there are bytes`);
      items += length;
      if (items > maxItems) {
        throw fault(bytes, open, start, `more than ${maxItems} items; send fewer at once, or raise maxItems`);
      }
      if (open.length >= maxDepth) {
        throw fault(bytes, open, start, `deeper than ${maxDepth} levels; send a flatter value, or raise maxDepth`);
      }
      level = { map: kind === MAP, size: length, left, keyStart: 0, keyEnd: 0 };
      open.push(level);
    } else {
      // An ext has a type before its data.
      if (length + (kind === EXT ? 1 : 0) > end - pos) throw fault(bytes, open, start, 'the bytes end too early');
      if (kind === TEXT) {
        if (!isUtf8(bytes, pos, pos + length)) {
          throw fault(bytes, open, start, 'a text is not UTF-8; send such bytes as bin');
        }
        if (isKey) {
          if (length === 9 && isProto(bytes, pos)) {
            throw fault(bytes, open, start, 'the key __proto__ is refused; rename it');
          }
          level!.keyStart = pos;
          level!.keyEnd = pos + length;
        }
      } else if (kind === EXT) {
        const type = bytes[pos++]!;
        if (readTime(type, bytes.subarray(pos, pos + length)) === undefined) {
          throw fault(bytes, open, start, extText(type, length));
        }
      } else if (kind === NEVER) {
        throw fault(bytes, open, start, 'the byte 0xc1 is not MessagePack');
      }
      pos += length;
    }

    while (level?.left === 0) {
      open.pop();
      level = open[open.length - 1];
    }
  }
  if (pos < end) throw fault(bytes, open, pos, `${end - pos} bytes follow the value`);
}

/** By hand: for short texts far cheaper than a TextDecoder, and for long ones no slower than it by more than a little. */
function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let pos = start;
  while (pos < end) {
    const first = bytes[pos++]!;
    if (first < 0x80) continue;
    // Neither overlong forms nor surrogates nor code points beyond U+10FFFF: the second byte tells.
    let more: number;
    let low = 0x80;
    let high = 0xbf;
    if (first < 0xc2 || first > 0xf4) return false;
    else if (first < 0xe0) more = 1;
    else if (first < 0xf0) {
      more = 2;
      if (first === 0xe0) low = 0xa0;
      else if (first === 0xed) high = 0x9f;
    } else {
      more = 3;
      if (first === 0xf0) low = 0x90;
      else if (first === 0xf4) high = 0x8f;
    }
    if (more > end - pos) return false;
    const second = bytes[pos]!;
    if (second < low || second > high) return false;
    for (let i = 1; i < more; i++) if ((bytes[pos + i]! & 0xc0) !== 0x80) return false;
    pos += more;
  }
  return true;
}

const proto = new TextEncoder().encode('__proto__');

function isProto(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < proto.length; i++) if (bytes[start + i] !== proto[i]) return false;
  return true;
}

function extText(type: number, length: number): string {
  const signed = type > 0x7f ? type - 0x100 : type;
  if (signed === -1 || signed === 5) return `ext type ${signed} of ${length} bytes is no time that a Date can hold`;
  return `unknown ext type ${signed}; only times (−1, and 5) are known`;
}

/** Made when a check has failed: it may take its time. `open` is as it was when the item at `at` came. */
function fault(bytes: Uint8Array, open: readonly Level[], at: number, text: string): CodecError {
  const decoder = new TextDecoder();
  const path: (string | number)[] = [];
  for (const { map, size, left, keyStart, keyEnd } of open) {
    if (!map) path.push(size - left - 1);
    // An odd number to come: what is wrong is a key, so the map itself is the place.
    else if (left % 2 === 0) path.push(decoder.decode(bytes.subarray(keyStart, keyEnd)));
  }
  return new CodecError(`Cannot decode the payload at ${pathText(path)} (byte ${at} of ${bytes.length}): ${text}.`);
}
