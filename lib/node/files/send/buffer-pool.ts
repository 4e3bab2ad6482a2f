import { maxRegionFrameBytes, maxKeptBuffers, maxLargeBuffers, minRegionFrameBytes } from '../../../limits.js';

/** Room before the bytes, for what goes before them in the same write: WebSocket header, frame head, kind of the item. */
export const headRoom = 64;

const free: Buffer[] = [];
let inUse = 0;

/** Memory for one region frame. */
export interface FrameBuffer {
  /** Room for the bytes of a file, after {@link headRoom} bytes of the same memory. */
  readonly bytes: Buffer;
  /** Gives it back. Once. */
  release(): void;
}

/**
 * Takes a buffer for up to 1 MiB of a file, or, where many transfers have theirs, for 64 KiB: so many receivers that stand
 * still cost little.
 */
export function takeBuffer(): FrameBuffer {
  if (inUse >= maxLargeBuffers) {
    const small = Buffer.allocUnsafeSlow(headRoom + minRegionFrameBytes);
    return { bytes: small.subarray(headRoom), release() {} };
  }
  inUse++;
  const buffer = free.pop() ?? Buffer.allocUnsafeSlow(headRoom + maxRegionFrameBytes);
  return {
    bytes: buffer.subarray(headRoom),
    release() {
      inUse--;
      if (free.length < maxKeptBuffers) free.push(buffer);
    },
  };
}
