/**
 * True where keeping `payload`, which may be a view into a received message, keeps more than twice its size in memory
 * alive. It should then be copied before it is kept, so that the bytes that are accounted for are the bytes that are
 * held.
 */
export function isSmallPart(payload: Uint8Array): boolean {
  return payload.length * 2 < payload.buffer.byteLength;
}
