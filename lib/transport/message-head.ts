/** Longest header of a WebSocket message: two bytes, eight of length, four of the key. */
export const maxMessageHead = 14;

/** Size of the header of a WebSocket message, including the key where it is masked. */
export function messageHeadBytes(payload: number, masked: boolean): number {
  return (payload < 126 ? 2 : payload < 0x1_0000 ? 4 : 10) + (masked ? 4 : 0);
}

/**
 * Writes the header of an unfragmented binary WebSocket message (RFC 6455, section 5.2), without the key. Returns the
 * position of the key, or, in an unmasked message, of the payload.
 */
export function writeMessageHead(out: Uint8Array, at: number, payload: number, masked: boolean): number {
  const mask = masked ? 0x80 : 0;
  out[at++] = 0x82;
  if (payload < 126) {
    out[at++] = mask | payload;
  } else if (payload < 0x1_0000) {
    out[at++] = mask | 126;
    out[at++] = payload >>> 8;
    out[at++] = payload;
  } else {
    out[at++] = mask | 127;
    for (let count = 0; count < 4; count++) out[at++] = 0;
    out[at++] = payload >>> 24;
    out[at++] = payload >>> 16;
    out[at++] = payload >>> 8;
    out[at++] = payload;
  }
  return at;
}

/** The payload length in a frame's header. Above 2^53 it is inexact, and exceeds every bound. */
export function readMessageSize(bytes: Uint8Array, at: number): number {
  const length = bytes[at + 1]! & 0x7f;
  if (length < 126) return length;
  if (length === 126) return (bytes[at + 2]! << 8) | bytes[at + 3]!;
  let size = 0;
  for (let index = 2; index < 10; index++) size = size * 256 + bytes[at + index]!;
  return size;
}

/** Checks a frame without extensions against RFC 6455, sections 5.2, 5.4 and 5.5. */
export function isValidHead(first: number, size: number, fragmented: boolean): boolean {
  if ((first & 0x70) !== 0) return false;
  const opcode = first & 0x0f;
  if (opcode >= 0x08) return opcode <= 0x0a && (first & 0x80) !== 0 && size < 126;
  return fragmented ? opcode === 0 : opcode === 1 || opcode === 2;
}
