import { maxRegionFrameBytes, maxKeptBuffers, maxLargeBuffers, minRegionFrameBytes } from '../../../bounds.js';

/** Room before the bytes for what precedes them in the same write: WebSocket header, frame head, kind of the item. */
export const headRoom = 64;

const free: Buffer[] = [];
let inUse = 0;

/** Memory for one region frame. */
export interface FrameBuffer {
  /** Room for bytes of a file, preceded by {@link headRoom} bytes of the same memory. */
  readonly bytes: Buffer;
  /** Gives the buffer back. Called once. */
  release(): void;
}

/**
 * Takes a buffer for up to 1 MiB of a file, or for 64 KiB while many transfers have one, so that many receivers that
 * have stopped reading cost little memory.
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
