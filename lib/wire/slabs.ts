/**
 * Memory for messages that are being sent: they are written one behind the other, and the memory is reused once they
 * have left.
 *
 *     free ──take──▶ written to ──message──▶ being sent ──reclaim──▶ free
 *
 * A message is sent from where it was written. Before each one, {@link headroomBytes} are free, so the socket writes
 * its header there, and it may mask the message in place.
 *
 * Allocating memory costs more than writing to it: 33 µs for 64 KiB, measured, where a copy takes 6. So all connections
 * of the process share the free slabs, and an idle connection holds none.
 */

/** Size of a slab: the largest size that {@link Slabs.take} accepts. */
export const slabBytes = 256 << 10;

/** Bytes before each message for the header of the socket: as many as the longest header of a WebSocket message has. */
export const headroomBytes = 14;

/** A slab with less room than this is considered full. */
const leastRoom = 1024;
/** As many as eight messages of 1 MiB need. */
const maxFreeSlabs = 32;
const freeSlabs: Uint8Array[] = [];

/** The memory for outgoing messages of one connection: slabs that are reused once their messages were sent. */
export class Slabs {
  /** Position of the room that {@link take} found. */
  at = 0;
  /** True while the room behind {@link at} is being written to: no other message may be written then. */
  open = false;

  readonly #referenced: () => number;
  #slab: Uint8Array | undefined = undefined;
  // The message that was written last, and its slab.
  #newest: Uint8Array | undefined = undefined;
  #newestSlab: Uint8Array | undefined = undefined;
  // Bytes of all messages so far.
  #sent = 0;
  // Full slabs, oldest first, each with the value of `#sent` after its last message.
  readonly #full: { readonly bytes: Uint8Array; readonly until: number }[] = [];
  #sending = 0;

  /**
   * `referenced` returns how many of the newest bytes of all messages, headers included, are still referenced by the
   * socket. It may be too high, but never too low. Infinity where that is unknown: no memory is reused then.
   */
  constructor(referenced: () => number) {
    this.#referenced = referenced;
  }

  /** @internal Number of slabs that are held, because they are written to or their messages are still referenced. */
  get held(): number {
    return this.#full.length + (this.#slab === undefined ? 0 : 1);
  }

  /**
   * The slab with room for `size` bytes from {@link at} on, to be written to until {@link message} or {@link close}.
   */
  take(size: number): Uint8Array {
    this.open = true;
    let slab = this.#slab;
    if (slab === undefined || slabBytes - this.at < Math.max(size, leastRoom)) {
      if (slab !== undefined) this.#full.push({ bytes: slab, until: this.#sent });
      this.#slab = slab = freeSlabs.pop() ?? new Uint8Array(slabBytes);
      this.at = 0;
    }
    return slab;
  }

  /**
   * The message that was written, which is about to be sent. {@link reclaim} follows. Its writer has left
   * {@link headroomBytes} before it.
   */
  message(from: number, end: number): Uint8Array {
    this.close(end);
    this.pass(end - from);
    this.#newestSlab = this.#slab;
    return (this.#newest = this.#slab!.subarray(from, end));
  }

  /** Ends the writing without a message of its own. */
  close(end: number): void {
    this.open = false;
    this.at = end;
  }

  /** A message of `length` bytes that is not in a slab is about to be sent. {@link reclaim} follows. */
  pass(length: number): void {
    this.#sent += length;
    this.#sending++;
  }

  /** The slab of this message where it is the one that was written last; then a header may be written before it. */
  slabOf(message: Uint8Array): Uint8Array | undefined {
    return message === this.#newest ? this.#newestSlab : undefined;
  }

  /** The message was sent: the memory of all that is not referenced any more is free. */
  reclaim(): void {
    // The receiver of a message may send, or begin to write, another one: what is referenced is known once the
    // outermost is sent.
    if (--this.#sending > 0) return;
    this.#newest = undefined;
    this.#newestSlab = undefined;
    const full = this.#full;
    const referenced = this.#referenced();
    if (referenced === 0) {
      this.#freeAll();
    } else if (referenced === Infinity) {
      full.length = 0;
    } else {
      const gone = this.#sent - referenced;
      while (full.length > 0 && full[0]!.until <= gone) free(full.shift()!.bytes);
    }
  }

  /** The socket references less than before: where it is nothing any more, all memory is free. */
  release(): void {
    if (this.held > 0 && this.#sending === 0 && this.#referenced() === 0) this.#freeAll();
  }

  #freeAll(): void {
    if (this.#slab !== undefined && !this.open) {
      free(this.#slab);
      this.#slab = undefined;
    }
    const full = this.#full;
    while (full.length > 0) free(full.pop()!.bytes);
  }
}

/** @internal For tests. */
export const slabHooks: {
  /**
   * Called with each slab that is about to be reused; a test overwrites it, so that a reuse that is too early is seen.
   */
  onFree: ((slab: Uint8Array) => void) | undefined;
} = { onFree: undefined };

function free(slab: Uint8Array): void {
  slabHooks.onFree?.(slab);
  if (freeSlabs.length < maxFreeSlabs) freeSlabs.push(slab);
}
