/**
 * Reads WebSocket messages from the bytes of a socket, in place of the receiver of `ws`, which allocates memory for each
 * read and joins it into new memory for each message.
 *
 *              ┌── whole binary frame ──▶ body ──complete──▶ message ──┐
 *     head ────┼── other valid frame ───▶ passing (to `ws`) ───────────┼──▶ head
 *              └── close, invalid frame ▶ passing, then finished       ┘
 *
 * A binary message in one frame is copied once, from the read buffer into memory of its own, and unmasked on the way.
 * Control frames, text, fragmented messages and everything that RFC 6455 forbids go to the receiver of `ws` byte for
 * byte: it answers pings, joins fragments, and closes the connection with the right code. Both see a frame as a whole or
 * not at all, so their states cannot differ.
 */

import { maxMessageHead } from './message-head.js';

/** XORs `length` bytes of `source` with the key into `output` at `offset`; that of `bufferutil`. */
export type Unmask = (source: Uint8Array, key: Uint8Array, output: Uint8Array, offset: number, length: number) => void;

/** What a {@link FrameReader} is made of. */
export interface FrameReaderOptions {
  /** True on the side that accepted: the other side must mask, and else must not (RFC 6455, section 5.1). */
  readonly masked: boolean;
  /** A larger message is refused before memory is allocated for it. Bytes. */
  readonly maxMessageBytes: number;
  /** Makes memory for a message; its content may be anything. */
  readonly allocate: (bytes: number) => Uint8Array;
  readonly unmask: Unmask;
  /** Takes one binary message, which is the taker's to keep. */
  readonly message: (message: Uint8Array) => void;
  /** Takes bytes of frames for the receiver of `ws`. They are valid during the call only. */
  readonly pass: (bytes: Uint8Array) => void;
  /** A message exceeds `maxMessageBytes`. Called once, before the receiver of `ws` closes the connection with code 1009. */
  readonly tooLarge: () => void;
}

/** A message up to this size shares its memory with others: 2 % of a slab is the most that a cut wastes. */
const sharedBytes = 8 << 10;
const slabBytes = 64 << 10;

type State = 'head' | 'body' | 'passing' | 'finished';

/** See the head of this file. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  #maxMessageBytes: number;
  readonly #masked: boolean;
  readonly #maskBit: number;
  #state: State = 'head';
  // A header that is not whole yet.
  readonly #head = new Uint8Array(maxMessageHead);
  #headLength = 0;
  // The message that is being read.
  #target: Uint8Array = new Uint8Array(0);
  #targetAt = 0;
  #size = 0;
  #got = 0;
  readonly #key = new Uint8Array(4);
  readonly #turnedKey = new Uint8Array(4);
  #keyIsZero = true;
  // Bytes of the frame that is being passed.
  #passLeft = 0;
  #finishAfterPass = false;
  // Bytes of the fragments so far of a message that is passed; undefined: no fragmented message is open.
  #fragmentBytes: number | undefined = undefined;
  #slab: Uint8Array = new Uint8Array(0);
  #slabAt = 0;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#masked = options.masked;
    this.#maskBit = options.masked ? 0x80 : 0;
  }

  /** Refuses messages that are larger from now on. Bytes. */
  limit(maxMessageBytes: number): void {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Reads no more: what comes is dropped. */
  stop(): void {
    this.#state = 'finished';
  }

  /** Reads the bytes of `chunk` in [start, end); they are not referred to afterwards. */
  read(chunk: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(chunk, at, end);
          break;
        case 'body':
          at = this.#readBody(chunk, at, end);
          break;
        case 'passing':
          at = this.#passBody(chunk, at, end);
          break;
        case 'finished':
          return;
      }
    }
  }

  #readHead(chunk: Uint8Array, at: number, end: number): number {
    if (this.#headLength === 0) {
      const length = end - at >= 2 ? this.#headBytes(chunk[at]!, chunk[at + 1]!) : maxMessageHead;
      if (end - at >= length) {
        this.#begin(chunk, at, length);
        return at + length;
      }
    }
    const head = this.#head;
    while (at < end) {
      head[this.#headLength++] = chunk[at++]!;
      const length = this.#headLength;
      if (length < 2) continue;
      const all = this.#headBytes(head[0]!, head[1]!);
      // The length is known before the key has come.
      if (length === all - 4 && this.#masked && this.#isTooLarge(head, 0)) {
        this.#refuse(head[0]!);
        return at;
      }
      if (length < all) continue;
      this.#headLength = 0;
      this.#begin(head, 0, length);
      break;
    }
    return at;
  }

  // Bytes of the header that begins with these two. That of an invalid frame ends with them: the fault is known.
  #headBytes(first: number, second: number): number {
    if (this.#isInvalid(first, second)) return 2;
    const length = second & 0x7f;
    return (length < 126 ? 2 : length === 126 ? 4 : 10) + (this.#masked ? 4 : 0);
  }

  #isInvalid(first: number, second: number): boolean {
    return (second & 0x80) !== this.#maskBit || !isValid(first, second & 0x7f, this.#fragmentBytes !== undefined);
  }

  #isTooLarge(bytes: Uint8Array, at: number): boolean {
    const isData = (bytes[at]! & 0x08) === 0;
    return isData && readSize(bytes, at) + (this.#fragmentBytes ?? 0) > this.#maxMessageBytes;
  }

  // The header of `length` bytes at `at` is whole.
  #begin(bytes: Uint8Array, at: number, length: number): void {
    const first = bytes[at]!;
    if (this.#isInvalid(first, bytes[at + 1]!)) {
      // The receiver of ws finds the same fault, and closes.
      this.#state = 'finished';
      this.#options.pass(bytes.subarray(at, at + length));
      return;
    }
    if (this.#isTooLarge(bytes, at)) {
      this.#refuse(first);
      return;
    }
    const size = readSize(bytes, at);
    if (first !== 0x82) {
      this.#beginPass(bytes, at, length, size);
      return;
    }
    if (this.#masked) this.#readKey(bytes, at + length - 4);
    this.#size = size;
    this.#got = 0;
    if (size <= sharedBytes) {
      this.#cutFromSlab(size);
    } else {
      this.#target = this.#options.allocate(size);
      this.#targetAt = 0;
    }
    if (size === 0) this.#deliver();
    else this.#state = 'body';
  }

  #readKey(bytes: Uint8Array, at: number): void {
    const key = this.#key;
    let all = 0;
    for (let index = 0; index < 4; index++) all |= key[index] = bytes[at + index]!;
    this.#keyIsZero = all === 0;
  }

  #cutFromSlab(size: number): void {
    if (this.#slabAt + size > this.#slab.length) {
      this.#slab = this.#options.allocate(slabBytes);
      this.#slabAt = 0;
    }
    this.#target = this.#slab;
    this.#targetAt = this.#slabAt;
    // The next one begins where a word does.
    this.#slabAt = (this.#slabAt + size + 7) & ~7;
  }

  #readBody(chunk: Uint8Array, at: number, end: number): number {
    const count = Math.min(this.#size - this.#got, end - at);
    this.#copy(chunk, at, count);
    this.#got += count;
    if (this.#got === this.#size) this.#deliver();
    return at + count;
  }

  #copy(chunk: Uint8Array, at: number, count: number): void {
    const target = this.#target;
    const to = this.#targetAt + this.#got;
    if (!this.#masked || this.#keyIsZero) {
      target.set(chunk.subarray(at, at + count), to);
      return;
    }
    let key = this.#key;
    const turn = this.#got & 3;
    if (turn !== 0) {
      const turned = this.#turnedKey;
      for (let index = 0; index < 4; index++) turned[index] = key[(index + turn) & 3]!;
      key = turned;
    }
    this.#options.unmask(chunk.subarray(at, at + count), key, target, to, count);
  }

  #deliver(): void {
    this.#state = 'head';
    const from = this.#targetAt;
    const message = this.#target.subarray(from, from + this.#size);
    // A slab is referred to by its messages alone, a message by its taker.
    this.#target = this.#slab;
    this.#options.message(message);
  }

  // The bound of the receiver of ws may be a larger one: it closes for a length that no number holds.
  #refuse(first: number): void {
    this.#state = 'finished';
    this.#options.tooLarge();
    this.#options.pass(new Uint8Array([first, this.#maskBit | 127, ...new Array<number>(8).fill(0xff)]));
  }

  #beginPass(bytes: Uint8Array, at: number, length: number, size: number): void {
    const first = bytes[at]!;
    if ((first & 0x08) === 0) {
      this.#fragmentBytes = (first & 0x80) === 0 ? (this.#fragmentBytes ?? 0) + size : undefined;
    }
    this.#finishAfterPass = (first & 0x0f) === 0x08;
    this.#passLeft = size;
    this.#state = size === 0 ? this.#afterPass : 'passing';
    this.#options.pass(bytes.subarray(at, at + length));
  }

  #passBody(chunk: Uint8Array, at: number, end: number): number {
    const count = Math.min(this.#passLeft, end - at);
    this.#passLeft -= count;
    if (this.#passLeft === 0) this.#state = this.#afterPass;
    this.#options.pass(chunk.subarray(at, at + count));
    return at + count;
  }

  get #afterPass(): State {
    return this.#finishAfterPass ? 'finished' : 'head';
  }
}

/** The length of a frame's payload, from its header. Beyond 2^53 it is not exact, and larger than any bound. */
function readSize(bytes: Uint8Array, at: number): number {
  const length = bytes[at + 1]! & 0x7f;
  if (length < 126) return length;
  if (length === 126) return (bytes[at + 2]! << 8) | bytes[at + 3]!;
  let size = 0;
  for (let index = 2; index < 10; index++) size = size * 256 + bytes[at + index]!;
  return size;
}

/** RFC 6455, sections 5.2, 5.4 and 5.5: what may come, when no extension was negotiated. */
function isValid(first: number, size: number, fragmented: boolean): boolean {
  if ((first & 0x70) !== 0) return false;
  const opcode = first & 0x0f;
  if (opcode >= 0x08) return opcode <= 0x0a && (first & 0x80) !== 0 && size < 126;
  return fragmented ? opcode === 0 : opcode === 1 || opcode === 2;
}
