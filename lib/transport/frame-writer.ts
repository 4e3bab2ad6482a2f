/**
 * Writes binary messages to the raw socket under a WebSocket of `ws`, whose own `send` masks into new memory for every
 * message, and cannot send several arrays as one frame: the receiver then joins fragments in new memory.
 *
 *                         message in a slab                           any other message
 *     plain (acceptor)    header before it ──▶ one write              header, and each part by reference ──▶ one writev
 *     masks (dialer)      masked in place, header before it ──▶       ──copy──▶ slab ──▶ masked in place ──▶ one write
 *                         one write
 *
 * A frame is written in one step, so that a Pong or a close frame of `ws` never gets in between.
 */

import { sizeOf, type WireMessage } from '../wire/batch.js';
import { slabBytes, type Slabs } from '../wire/slabs.js';
import { maxMessageHead, messageHeadBytes, writeMessageHead } from './message-head.js';

/** The part of a net or TLS socket that the writer uses. */
export interface RawSocket {
  readonly writableLength: number;
  write(bytes: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
}

/** `Sender.frame` of `ws`: masks `data` in place, and returns the header before it. */
export type MaskFrame = (data: Uint8Array, options: typeof maskOptions) => [Uint8Array, Uint8Array];

const maskOptions = { fin: true, mask: true, opcode: 2, readOnly: false, rsv1: false };

/** See the head of this file. */
export class FrameWriter {
  readonly #raw: RawSocket;
  readonly #mask: MaskFrame | undefined;
  readonly #slabs: Slabs;

  /** `mask` is set on the side that dialed. `slabs` is the memory that messages are written to. */
  constructor(raw: RawSocket, mask: MaskFrame | undefined, slabs: Slabs) {
    this.#raw = raw;
    this.#mask = mask;
    this.#slabs = slabs;
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
    this.#raw.write(slab.subarray(start, from + size));
  }

  /** The parts may belong to a user, who may send them again. */
  #writeMaskedCopy(message: WireMessage, mask: MaskFrame): void {
    const room = maxMessageHead + sizeOf(message);
    const slabs = this.#slabs;
    // The sender has counted the bytes, where it counts at all.
    slabs.pass(0);
    const shared = room <= slabBytes && !slabs.open;
    const bytes = shared ? slabs.take(room) : new Uint8Array(room);
    const from = (shared ? slabs.at : 0) + maxMessageHead;
    const end = copyParts(message, bytes, from);
    if (shared) slabs.close(end);
    const start = maskBefore(bytes, from, bytes.subarray(from, end), mask);
    this.#raw.write(bytes.subarray(start, end));
    slabs.reclaim();
  }

  #writeParts(message: WireMessage): void {
    const raw = this.#raw;
    const header = new Uint8Array(maxMessageHead);
    raw.cork();
    raw.write(header.subarray(0, writeMessageHead(header, 0, sizeOf(message), false)));
    if (message instanceof Uint8Array) raw.write(message);
    else for (const part of message) raw.write(part);
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
