/**
 * Memory for messages that the end of a read has cut: each one is assembled there, lent to its consumer, and given
 * back.
 *
 *     free ──take──▶ assembling ──complete──▶ lent ──▶ free
 *
 * A connection that has no cut message holds no memory. Where all buffers are taken, the message gets memory of its
 * own.
 */

import type { Allocate } from '../lent.js';
import { maxAssemblyBuffers } from '../bounds.js';

/**
 * The largest message that is assembled in the pool, in bytes. Larger ones are mostly opaque bytes, which users keep.
 */
export const assemblyBytes = 32 << 10;

const free: Uint8Array[] = [];
let taken = 0;

/** A buffer of {@link assemblyBytes}; undefined where all are taken. Its content is arbitrary. */
export function takeAssembly(allocate: Allocate): Uint8Array | undefined {
  if (taken === maxAssemblyBuffers) return undefined;
  taken++;
  return free.pop() ?? allocate(assemblyBytes);
}

/** Gives a buffer back: its bytes are not read any more. */
export function releaseAssembly(buffer: Uint8Array): void {
  taken--;
  free.push(buffer);
}

/** @internal Number of buffers that are taken. */
export function takenAssemblies(): number {
  return taken;
}
