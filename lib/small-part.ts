/**
 * True where whoever keeps `payload`, which may be a view into a received message, keeps more than twice as much memory as
 * it has bytes. A copy of it is then cheaper than what it refers to, and what is accounted for is what is held.
 */
export function isSmallPart(payload: Uint8Array): boolean {
  return payload.length * 2 < payload.buffer.byteLength;
}
