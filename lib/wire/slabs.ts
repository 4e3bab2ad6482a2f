/**
 * Memory for messages on their way: written one behind the other, and used again when they have gone.
 *
 *     free ──take──▶ written to ──advance──▶ on its way ──reclaim──▶ free
 *
 * New memory costs more than writing to it: 33 µs for 64 KiB, measured, where a copy of as much takes 6. So what is free
 * is shared by all connections of the process, and an idle connection holds none.
 */

/** Size of a slab: the most that {@link Slabs.take} gives. */
export const slabBytes = 256 << 10;

/** What is left of a slab is not worth keeping below this. */
const leastRoom = 1024;
const maxFreeSlabs = 16;
const freeSlabs: Uint8Array[] = [];

/** See the head of this file. */
export class Slabs {
  /** Where the bytes that {@link take} found room for begin. */
  at = 0;

  #slab: Uint8Array | undefined = undefined;
  // Bytes of all messages so far.
  #sent = 0;
  // Full slabs, oldest first, each with what `#sent` was after its last message.
  readonly #full: { readonly bytes: Uint8Array; readonly until: number }[] = [];
  #sending = 0;
  // Somebody writes behind `at`.
  #open = false;

  /** The slab with room for `size` bytes from {@link at} on, to be written to until {@link advance}. */
  take(size: number): Uint8Array {
    this.#open = true;
    let slab = this.#slab;
    if (slab === undefined || slabBytes - this.at < Math.max(size, leastRoom)) {
      if (slab !== undefined) this.#full.push({ bytes: slab, until: this.#sent });
      this.#slab = slab = freeSlabs.pop() ?? new Uint8Array(slabBytes);
      this.at = 0;
    }
    return slab;
  }

  /** The message that was written, of `length` bytes up to `end`, is about to be sent. {@link reclaim} follows. */
  advance(end: number, length: number): void {
    this.#open = false;
    this.at = end;
    this.pass(length);
  }

  /** A message of `length` bytes that is not in a slab is about to be sent. {@link reclaim} follows. */
  pass(length: number): void {
    this.#sent += length;
    this.#sending++;
  }

  /** It was sent. Of all that was sent, the newest `held` bytes are still referred to; Infinity: perhaps for ever. */
  reclaim(held: number): void {
    // Who hears of a message may send another one, or begin to write it: what is held is known when the outermost is gone.
    if (--this.#sending > 0) return;
    const full = this.#full;
    if (held === 0) {
      if (this.#slab !== undefined && !this.#open) {
        free(this.#slab);
        this.#slab = undefined;
      }
      while (full.length > 0) free(full.pop()!.bytes);
    } else if (held === Infinity) {
      full.length = 0;
    } else {
      const gone = this.#sent - held;
      while (full.length > 0 && full[0]!.until <= gone) free(full.shift()!.bytes);
    }
  }
}

function free(slab: Uint8Array): void {
  if (freeSlabs.length < maxFreeSlabs) freeSlabs.push(slab);
}
