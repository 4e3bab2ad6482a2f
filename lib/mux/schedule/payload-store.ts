import { keep } from '../../lent.js';
import { isSmallPart } from '../../small-part.js';

/** Payloads are copied into chunks of this size. */
const chunkBytes = 64 << 10;
/** From this size on, the copy of a payload is an array of its own. */
const largeBytes = 16 << 10;
/** V8 keeps the bytes of smaller arrays in the object itself, and creates a buffer only when it is read. */
const inObjectBytes = 64;

/**
 * Keeps the payloads of queued frames. A payload may be a small part of a large received message, as in an answer that
 * repeats the first bytes of its request: a queued frame must not keep the whole message alive.
 */
export class PayloadStore {
  #chunk: Uint8Array | undefined = undefined;
  #at = 0;

  /**
   * Returns a payload with the same bytes. Small ones share chunks of memory, so that each holds about as much as it
   * has bytes.
   */
  keep(payload: Uint8Array): Uint8Array {
    const { length } = payload;
    if (length === 0) return payload;
    if (length > inObjectBytes && !isSmallPart(payload)) return keep(payload);
    if (length >= largeBytes) return new Uint8Array(payload);
    if (this.#chunk === undefined || this.#at + length > chunkBytes) {
      this.#chunk = new Uint8Array(chunkBytes);
      this.#at = 0;
    }
    const kept = this.#chunk.subarray(this.#at, this.#at + length);
    kept.set(payload);
    this.#at += length;
    return kept;
  }

  /** Nothing is queued any more: an idle connection holds no chunk. */
  release(): void {
    this.#chunk = undefined;
  }
}
