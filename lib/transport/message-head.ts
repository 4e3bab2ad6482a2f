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
