import { maxSmallFileBytes } from '../../../bounds.js';

/*
 * Memory for a small file that is written synchronously, reused by the next one: small files mostly come one after the
 * other.
 */

let scratch: ArrayBufferLike | undefined;

/** Memory for a file of up to {@link maxSmallFileBytes}, with arbitrary content. */
export function takeScratch(length: number): Uint8Array {
  const buffer = scratch ?? new ArrayBuffer(maxSmallFileBytes);
  scratch = undefined;
  return new Uint8Array(buffer, 0, length);
}

/** Gives the memory back: nothing may use it any more. */
export function giveScratch({ buffer }: Uint8Array): void {
  scratch = buffer;
}
