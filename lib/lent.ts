/**
 * Messages that are lent: their memory is reused as soon as the call returns that hands them over. Most messages are
 * consumed within that call, and then nothing is allocated for them.
 *
 *     lend ──▶ lent ──take() returns──▶ reused
 *               └──keep──▶ copied: the caller of `keep` owns what it gets
 *
 * Whatever keeps bytes of a received message beyond the call that it was given them in passes them through
 * {@link keep}. That costs a comparison where no message is lent.
 *
 * A payload that is at least half of its message is copied alone, into memory of its exact size. For a smaller one the
 * whole message is copied once, and read on from the copy: the payloads behind it are usually kept as well, and memory
 * of its own for each of them took longer (measured with items of 100 bytes and with payloads of 8 KiB).
 */

/** The payloads of a larger message are always copied alone: keeping a small one must not hold so much memory. */
const copiedWhole = 64 << 10;
/** Copies up to this size share a slab. At most 2 % of a slab is wasted by cutting one. */
const sharedBytes = 8 << 10;
const slabBytes = 64 << 10;

/** Allocates memory whose content may be arbitrary. */
export type Allocate = (bytes: number) => Uint8Array;

const allocateZeros: Allocate = (bytes) => new Uint8Array(bytes);

// The message that is lent now; undefined also once it is read from its copy.
let message: Uint8Array | undefined;
let copy: Uint8Array | undefined;
let allocate = allocateZeros;
let slab: Uint8Array = new Uint8Array(0);
let slabAt = 0;

/** Calls `take` with a message whose memory is reused afterwards. */
export function lend(lent: Uint8Array, take: (message: Uint8Array) => void, allocator = allocateZeros): void {
  // A consumer may cause another message to be lent, by a socket in memory.
  const outer = message;
  const outerCopy = copy;
  const outerAllocate = allocate;
  message = lent;
  copy = undefined;
  allocate = allocator;
  try {
    take(lent);
  } finally {
    message = outer;
    copy = outerCopy;
    allocate = outerAllocate;
    lentHooks.onReturn?.(lent);
  }
}

/** Returns these bytes, or a copy where they are part of the message that is lent now. */
export function keep(bytes: Uint8Array): Uint8Array {
  // `buffer` is a slow getter (200 ns): it is read once a message, and not at all where everything is decoded in place.
  if (message === undefined) return bytes;
  return bytes.buffer === message.buffer ? copyOf(bytes, message) : bytes;
}

/**
 * Returns the copy of `received`, if it is lent and has been copied as a whole, otherwise `received`. Where it returns
 * a copy, no view of the lent message may be used afterwards.
 */
export function readOn(received: Uint8Array): Uint8Array {
  if (copy === undefined || received !== message) return received;
  message = undefined;
  return copy;
}

/** @internal For tests. */
export const lentHooks: {
  /** Called with each message whose memory may be reused from now on. */
  onReturn: ((message: Uint8Array) => void) | undefined;
} = { onReturn: undefined };

function copyOf(bytes: Uint8Array, lent: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (copy === undefined) {
    if (length * 2 >= lent.length || lent.length > copiedWhole) {
      return copyAll(bytes);
    }
    copy = copyAll(lent);
  }
  const from = bytes.byteOffset - lent.byteOffset;
  return copy.subarray(from, from + length);
}

function copyAll(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  let own: Uint8Array;
  if (length > sharedBytes) {
    own = allocate(length);
  } else {
    if (slabAt + length > slab.length) {
      slab = allocate(slabBytes);
      slabAt = 0;
    }
    own = slab.subarray(slabAt, slabAt + length);
    // The next copy begins at a word boundary.
    slabAt = (slabAt + length + 7) & ~7;
  }
  own.set(bytes);
  return own;
}
