import { writeKey, type Masking } from './mask.js';

/** Longest header of a WebSocket message: two bytes, eight of length, four of the key. */
export const maxMessageHead = 14;

/** Bytes of the header of a WebSocket message. */
export function messageHeadBytes(payload: number, masking: Masking): number {
  return (payload < 126 ? 2 : payload < 0x1_0000 ? 4 : 10) + (masking === 'none' ? 0 : 4);
}

/** Writes the header of a whole binary WebSocket message (RFC 6455, section 5.2), and returns where the payload begins. Its key is in the last four bytes. */
export function writeMessageHead(out: Uint8Array, at: number, payload: number, masking: Masking): number {
  const masked = masking === 'none' ? 0 : 0x80;
  out[at++] = 0x82;
  if (payload < 126) {
    out[at++] = masked | payload;
  } else if (payload < 0x1_0000) {
    out[at++] = masked | 126;
    out[at++] = payload >>> 8;
    out[at++] = payload;
  } else {
    out[at++] = masked | 127;
    out.fill(0, at, at + 4);
    at += 4;
    out[at++] = payload >>> 24;
    out[at++] = payload >>> 16;
    out[at++] = payload >>> 8;
    out[at++] = payload;
  }
  if (masked === 0) return at;
  if (masking === 'zero') out.fill(0, at, at + 4);
  else writeKey(out, at);
  return at + 4;
}
