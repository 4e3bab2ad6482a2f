/*
 * The first byte of a MessagePack value: its kind, and its length.
 */

/** Nil, a boolean or a number. */
const SCALAR = 0;
/** A string: UTF-8. */
export const TEXT = 1;
/** Bytes. */
export const BIN = 2;
/** Bytes with a type. */
export const EXT = 3;
/** Elements. */
export const ARRAY = 4;
/** Entries. */
export const MAP = 5;
/** 0xc1, which is never used. */
export const NEVER = 6;

/** For 0xc0 to 0xdf: the kind. */
export const kinds = Uint8Array.of(
  ...[SCALAR, NEVER, SCALAR, SCALAR, BIN, BIN, BIN, EXT, EXT, EXT],
  ...[SCALAR, SCALAR, SCALAR, SCALAR, SCALAR, SCALAR, SCALAR, SCALAR, SCALAR, SCALAR],
  ...[EXT, EXT, EXT, EXT, EXT, TEXT, TEXT, TEXT, ARRAY, ARRAY, MAP, MAP],
);
/** For 0xc0 to 0xdf: size of the length field that follows; 0 where there is none. */
export const widths = Uint8Array.of(
  ...[0, 0, 0, 0, 1, 2, 4, 1, 2, 4],
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4],
);
/** For 0xc0 to 0xdf without a length field: size of the value. */
export const sizes = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[4, 8, 1, 2, 4, 8, 1, 2, 4, 8],
  ...[1, 2, 4, 8, 16, 0, 0, 0, 0, 0, 0, 0],
);

/** The kind of the value that begins with `head`. */
export function kindOf(head: number): number {
  if (head < 0x80 || head >= 0xe0) return SCALAR;
  if (head < 0xc0) return head < 0x90 ? MAP : head < 0xa0 ? ARRAY : TEXT;
  return kinds[head - 0xc0]!;
}

/** Size of the big-endian length field that follows `head`; 0 where {@link lengthIn} gives the length. */
export function widthOf(head: number): number {
  return head < 0xc0 || head >= 0xe0 ? 0 : widths[head - 0xc0]!;
}

/**
 * The length that `head` itself encodes: bytes of a value, without its head and the type of an ext; elements of an
 * array; entries of a map.
 */
export function lengthIn(head: number): number {
  if (head < 0x80 || head >= 0xe0) return 0;
  if (head < 0xc0) return head < 0xa0 ? head & 0x0f : head & 0x1f;
  return sizes[head - 0xc0]!;
}
