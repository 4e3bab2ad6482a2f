/**
 * Writes binary messages to the raw socket under a WebSocket of `ws`, whose own `send` masks into new memory for every
 * message, and cannot send several arrays as one frame: the receiver then joins fragments in new memory.
 *
 *                         message in a slab                           any other message
 *     plain (acceptor)    header before it ──▶ one write              header, and each part by reference ──▶ one writev
 *     masks (dialer)      masked in place, header before it ──▶       ──copy──▶ slab ──▶ masked in place ──▶ one write
 *                         one write                                   larger than a slab: in pieces ──▶ one writev
 *
 * A frame is written in one step, so that a Pong or a close frame of `ws` never gets in between.
 */

import { sizeOf, type WireMessage } from '../wire/batch.js';
import { slabBytes, type Slabs } from '../wire/slabs.js';
import { maxMessageHead, messageHeadBytes, writeMessageHead } from './message-head.js';

/** The part of a net or TLS socket that the writer uses. */
export interface RawSocket {
  readonly writableLength: number;
  /** True for TLS. */
  readonly encrypted?: boolean;
  /** `written` is called once the socket no longer references the bytes, with an error where it is closed. */
  write(bytes: Uint8Array, written?: (error?: Error | null) => void): boolean;
  cork(): void;
  uncork(): void;
}

/** `Sender.frame` of `ws`: masks `data` in place, and returns the header before it, which ends with the key. */
export type MaskFrame = (data: Uint8Array, options: MaskOptions) => [Uint8Array, Uint8Array];

/** Options of `Sender.frame`. */
interface MaskOptions {
  readonly fin: boolean;
  readonly mask: boolean;
  readonly opcode: number;
  readonly readOnly: boolean;
  readonly rsv1: boolean;
  /** Writes the key; a random one otherwise. */
  readonly generateMask?: (key: Uint8Array) => void;
}

const maskOptions: MaskOptions = { fin: true, mask: true, opcode: 2, readOnly: false, rsv1: false };
/**
 * Room for the header of a message larger than a slab. A multiple of 4, so that each piece begins with the key's first
 * byte.
 */
const largeHeadRoom = 16;

/** Writes binary WebSocket messages to the raw socket, masked where this side dialed. */
export class FrameWriter {
  readonly #raw: RawSocket;
  readonly #mask: MaskFrame | undefined;
  readonly #slabs: Slabs;
  // TLS never takes a message within the call, so `reclaim` would find each one still referenced, and an idle
  // connection would keep a slab. Not for TCP, which takes nearly all of them at once: a callback costs a tick.
  readonly #written: (() => void) | undefined;

  /** `mask` is set on the side that dialed. `slabs` is the memory that messages are written to. */
  constructor(raw: RawSocket, mask: MaskFrame | undefined, slabs: Slabs) {
    this.#raw = raw;
    this.#mask = mask;
    this.#slabs = slabs;
    this.#written =
      raw.encrypted !== true
        ? undefined
        : () => {
            slabs.release();
          };
  }

  /** Writes one message as one frame. */
  write(message: WireMessage): void {
    const slab = message instanceof Uint8Array ? this.#slabs.slabOf(message) : undefined;
    const mask = this.#mask;
    if (slab !== undefined) this.#writeInSlab(slab, message as Uint8Array);
    else if (mask !== undefined) this.#writeMaskedCopy(message, mask);
    else this.#writeParts(message);
  }

  #writeInSlab(slab: Uint8Array, message: Uint8Array): void {
    const from = message.byteOffset;
    const size = message.length;
    let start: number;
    if (this.#mask === undefined) {
      start = from - messageHeadBytes(size, false);
      writeMessageHead(slab, start, size, false);
    } else {
      start = maskBefore(slab, from, message, this.#mask);
    }
    this.#raw.write(slab.subarray(start, from + size), this.#written);
  }

  /** The parts may belong to a user, who may send them again. */
  #writeMaskedCopy(message: WireMessage, mask: MaskFrame): void {
    const room = maxMessageHead + sizeOf(message);
    const slabs = this.#slabs;
    // The sender has counted the bytes, where it counts at all.
    slabs.pass(0);
    if (room > slabBytes && !slabs.open) {
      this.#writeMaskedPieces(message, mask);
      slabs.reclaim();
      return;
    }
    const shared = room <= slabBytes && !slabs.open;
    const bytes = shared ? slabs.take(room) : new Uint8Array(room);
    const from = (shared ? slabs.at : 0) + maxMessageHead;
    const end = copyParts(message, bytes, from);
    if (shared) slabs.close(end);
    const start = maskBefore(bytes, from, bytes.subarray(from, end), mask);
    this.#raw.write(bytes.subarray(start, end), this.#written);
    slabs.reclaim();
  }

  // New memory of the message's size took a third more CPU with 1 MiB: it is mapped, cleared, and counts towards the
  // limit at which V8 marks the heap.
  #writeMaskedPieces(message: WireMessage, mask: MaskFrame): void {
    const raw = this.#raw;
    const slabs = this.#slabs;
    const size = sizeOf(message);
    const source = new PartReader(message);
    let options = maskOptions;
    raw.cork();
    for (let left = size, from = largeHeadRoom; left > 0; from = 0) {
      const bytes = slabs.take(slabBytes);
      const end = from + Math.min(left, slabBytes - from);
      left -= end - from;
      source.read(bytes, from, end);
      slabs.close(end);
      const [header] = mask(bytes.subarray(from, end), options);
      let start = 0;
      if (options === maskOptions) {
        const key = header.slice(-4);
        options = { ...maskOptions, generateMask: (to) => to.set(key) };
        start = largeHeadRoom - maxMessageHead;
        bytes.set(key, writeMessageHead(bytes, start, size, true));
      }
      raw.write(bytes.subarray(start, end), this.#written);
    }
    raw.uncork();
  }

  #writeParts(message: WireMessage): void {
    const raw = this.#raw;
    const header = new Uint8Array(maxMessageHead);
    raw.cork();
    raw.write(header.subarray(0, writeMessageHead(header, 0, sizeOf(message), false)));
    if (message instanceof Uint8Array) raw.write(message, this.#written);
    else for (const part of message) raw.write(part, this.#written);
    raw.uncork();
  }
}

/** Masks a message in place, and writes its header before it. Returns the position of the header. */
function maskBefore(bytes: Uint8Array, from: number, message: Uint8Array, mask: MaskFrame): number {
  const [header] = mask(message, maskOptions);
  const start = from - header.length;
  for (let index = 0; index < header.length; index++) bytes[start + index] = header[index]!;
  return start;
}

/** Reads the bytes of a message's parts as one sequence. */
class PartReader {
  readonly #parts: readonly Uint8Array[];
  #part = 0;
  #at = 0;

  constructor(message: WireMessage) {
    this.#parts = message instanceof Uint8Array ? [message] : message;
  }

  /** Fills `to` from `from` to `end`; the message has that many bytes left. */
  read(to: Uint8Array, from: number, end: number): void {
    while (from < end) {
      const part = this.#parts[this.#part]!;
      const count = Math.min(part.length - this.#at, end - from);
      to.set(part.subarray(this.#at, this.#at + count), from);
      from += count;
      this.#at += count;
      if (this.#at < part.length) continue;
      this.#part++;
      this.#at = 0;
    }
  }
}

function copyParts(message: WireMessage, to: Uint8Array, at: number): number {
  if (message instanceof Uint8Array) {
    to.set(message, at);
    return at + message.length;
  }
  for (const part of message) {
    to.set(part, at);
    at += part.length;
  }
  return at;
}
