import { maxSmallFileBytes } from '../../../limits.js';

/*
 * Memory for a small file that is written at once: the next one has it. One file after the other is the usual way.
 */

let scratch: ArrayBufferLike | undefined;

/** Memory for a file of up to {@link maxSmallFileBytes}. What is in it is of no meaning. */
export function takeScratch(length: number): Uint8Array {
  const buffer = scratch ?? new ArrayBuffer(maxSmallFileBytes);
  scratch = undefined;
  return new Uint8Array(buffer, 0, length);
}

/** Gives it back. */
export function giveScratch({ buffer }: Uint8Array): void {
  scratch = buffer;
}
