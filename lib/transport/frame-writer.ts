/**
 * Writes binary messages to the raw socket under a WebSocket of `ws`, whose own `send` masks into new memory for every
 * message, and cannot send several arrays as one frame: the receiver then joins fragments in new memory.
 *
 *     masks (dialer)      message ──copy──▶ slab ──mask in place──▶ one write
 *     plain (acceptor)    small: header and message ──copy──▶ slab ──▶ one write
 *                         large: header, and each part by reference ──▶ one writev
 *
 * A frame is written in one step, so that a Pong or a close frame of `ws` never gets in between.
 */

import { sizeOf, type WireMessage } from '../wire/batch.js';
import { slabBytes, Slabs } from '../wire/slabs.js';
import { maxMessageHead, writeMessageHead } from './message-head.js';

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
/** Up to this size, an unmasked message is cheaper to copy into one write than to send with writev. */
const smallBytes = 4 << 10;

/** See the head of this file. */
export class FrameWriter {
  readonly #raw: RawSocket;
  readonly #mask: MaskFrame | undefined;
  readonly #slabs = new Slabs();

  /** `mask` is set on the side that dialed. */
  constructor(raw: RawSocket, mask: MaskFrame | undefined) {
    this.#raw = raw;
    this.#mask = mask;
  }

  /** Bytes of messages that are still referenced; see `Socket`. */
  get heldBytes(): number {
    return this.#mask === undefined ? this.#raw.writableLength : 0;
  }

  /** Writes one message as one frame. */
  write(message: WireMessage): void {
    const size = sizeOf(message);
    if (this.#mask !== undefined) this.#writeMasked(message, size, this.#mask);
    else if (size <= smallBytes) this.#writeSmall(message, size);
    else this.#writeParts(message, size);
  }

  #writeMasked(message: WireMessage, size: number, mask: MaskFrame): void {
    const slabs = this.#slabs;
    const room = maxMessageHead + size;
    let bytes: Uint8Array;
    let at = 0;
    if (room <= slabBytes) {
      bytes = slabs.take(room);
      at = slabs.at;
    } else {
      bytes = new Uint8Array(room);
    }
    const from = at + maxMessageHead;
    const end = copyParts(message, bytes, from);
    const [header] = mask(bytes.subarray(from, end), maskOptions);
    const start = from - header.length;
    for (let index = 0; index < header.length; index++) bytes[start + index] = header[index]!;
    if (room <= slabBytes) slabs.advance(end, end - start);
    else slabs.pass(end - start);
    this.#raw.write(bytes.subarray(start, end));
    slabs.reclaim(this.#raw.writableLength);
  }

  #writeSmall(message: WireMessage, size: number): void {
    const slabs = this.#slabs;
    const bytes = slabs.take(maxMessageHead + size);
    const start = slabs.at;
    const end = copyParts(message, bytes, writeMessageHead(bytes, start, size, false));
    slabs.advance(end, end - start);
    this.#raw.write(bytes.subarray(start, end));
    slabs.reclaim(this.#raw.writableLength);
  }

  #writeParts(message: WireMessage, size: number): void {
    const raw = this.#raw;
    const header = new Uint8Array(maxMessageHead);
    raw.cork();
    raw.write(header.subarray(0, writeMessageHead(header, 0, size, false)));
    if (message instanceof Uint8Array) raw.write(message);
    else for (const part of message) raw.write(part);
    raw.uncork();
    this.#slabs.pass(size);
    this.#slabs.reclaim(raw.writableLength);
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
