/**
 * Reads WebSocket messages from the bytes of a socket, in place of the receiver of `ws`, which allocates memory for each
 * read and joins it into new memory for each message.
 *
 *              ┌── whole binary frame ──▶ body ──complete──▶ message ──┐
 *     head ────┼── other valid frame ───▶ passing (to `ws`) ───────────┼──▶ head
 *              ├── close ─────────────▶ passing ──▶ finished           │
 *              └── invalid frame ─────▶ finished                       ┘
 *
 * A binary message in one frame is read in one of four ways, none of which copies a byte more than once:
 *
 *     whole in the read buffer, and up to 32 KiB,      unmasked in place, and lent to its consumer
 *     or 64 KiB where there is nothing to unmask
 *     up to 32 KiB, cut by the end of a read           assembled in a buffer of a pool, and lent
 *     large, and its receiver takes it from a pipe     left to the system, as far as the pipe has room (see `piped.ts`)
 *     any other                                        assembled in memory of its own, which the consumer owns
 *
 * Unmasking is part of the copy where there is one, and left out for a key of zeros. Control frames, text, fragmented
 * messages and everything that RFC 6455 forbids are passed to the receiver of `ws` byte for byte: it answers pings, joins
 * fragments, and closes the connection with the right code. Each frame goes to exactly one of the two parsers, so their
 * states cannot diverge.
 */

import { lend, type Allocate } from '../lent.js';
import { minRegionFrameBytes } from '../bounds.js';
import type { PipedPayload } from '../piped.js';
import { assemblyBytes, releaseAssembly, takeAssembly } from './assembly-pool.js';
import { MaskKey, type Unmask } from './mask-key.js';
import { isValidHead, maxMessageHead, readMessageSize } from './message-head.js';

/** Options of a {@link FrameReader}. */
export interface FrameReaderOptions {
  /** True on the side that accepted: its peer must mask frames; otherwise the peer must not (RFC 6455, section 5.1). */
  readonly masked: boolean;
  /** Bound of a message, in bytes. A larger one is refused before memory is allocated for it. */
  readonly maxMessageBytes: number;
  /** Allocates memory for a message. Its content may be arbitrary. */
  readonly allocate: Allocate;
  readonly unmask: Unmask;
  /** Takes one binary message. It may be lent (see `lent.ts`). */
  readonly message: (message: Uint8Array) => void;
  /** Takes bytes of frames for the receiver of `ws`. They are valid only during the call. */
  readonly pass: (bytes: Uint8Array) => void;
  /** A message exceeds `maxMessageBytes`. Called once, before the receiver of `ws` closes the connection with code 1009. */
  readonly tooLarge: () => void;
  /** Decides by those bytes of a message that have arrived whether its payload goes to a pipe. Default: none does. */
  readonly pipe?: (head: Uint8Array, size: number) => PipedPayload | undefined;
}

const noBytes = new Uint8Array(0);

type State = 'head' | 'body' | 'passing' | 'finished';

/** Parses WebSocket frames, and emits the messages that they carry. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  #maxMessageBytes: number;
  readonly #masked: boolean;
  readonly #maskBit: number;
  #state: State = 'head';
  // An incomplete header.
  readonly #head = new Uint8Array(maxMessageHead);
  #headLength = 0;
  // The message that is being read; `target` is empty until its first bytes are copied.
  #target: Uint8Array = noBytes;
  #pooled = false;
  #size = 0;
  #received = 0;
  #piped: PipedPayload | undefined = undefined;
  readonly #key = new MaskKey();
  // Remaining bytes of the frame that is being passed.
  #passLeft = 0;
  #finishAfterPass = false;
  // Bytes so far of the fragmented message that is being passed; undefined where none is open.
  #fragmentBytes: number | undefined = undefined;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#masked = options.masked;
    this.#maskBit = options.masked ? 0x80 : 0;
  }

  /** Sets the bound of a message, in bytes. */
  limit(maxMessageBytes: number): void {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Stops reading: bytes that arrive later are dropped. */
  stop(): void {
    this.#state = 'finished';
    if (this.#pooled) releaseAssembly(this.#target);
    this.#pooled = false;
    this.#target = noBytes;
    this.#piped?.drop();
    this.#piped = undefined;
  }

  /** Bytes of the message being read that may be moved from the socket to its pipe; 0: the next bytes are to be read. */
  get pipingBytes(): number {
    return this.#piped?.piping === true ? this.#size - this.#received : 0;
  }

  /** So many of {@link pipingBytes} were moved from the socket to the pipe. */
  moved(count: number): void {
    this.#received += count;
    if (this.#received === this.#size) this.#deliver();
  }

  /**
   * Reads the bytes of `chunk` in [start, end), and keeps no reference to them. `writable`: messages may be unmasked in the
   * chunk and lent from there; it must then be a plain Uint8Array, because slice() of a Buffer does not copy.
   */
  read(chunk: Uint8Array, start: number, end: number, writable = false): void {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(chunk, at, end);
          break;
        case 'body':
          at = this.#readBody(chunk, at, end, writable);
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
      // The length is known before the masking key has arrived.
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

  // Size of the header that begins with these two bytes. An invalid header ends with them.
  #headBytes(first: number, second: number): number {
    if (this.#isInvalid(first, second)) return 2;
    const length = second & 0x7f;
    return (length < 126 ? 2 : length === 126 ? 4 : 10) + (this.#masked ? 4 : 0);
  }

  #isInvalid(first: number, second: number): boolean {
    return (second & 0x80) !== this.#maskBit || !isValidHead(first, second & 0x7f, this.#fragmentBytes !== undefined);
  }

  #isTooLarge(bytes: Uint8Array, at: number): boolean {
    const isData = (bytes[at]! & 0x08) === 0;
    return isData && readMessageSize(bytes, at) + (this.#fragmentBytes ?? 0) > this.#maxMessageBytes;
  }

  // The header of `length` bytes at `at` is complete.
  #begin(bytes: Uint8Array, at: number, length: number): void {
    const first = bytes[at]!;
    if (this.#isInvalid(first, bytes[at + 1]!)) {
      // The receiver of ws finds the same fault, and closes the connection.
      this.#state = 'finished';
      this.#options.pass(bytes.subarray(at, at + length));
      return;
    }
    if (this.#isTooLarge(bytes, at)) {
      this.#refuse(first);
      return;
    }
    const size = readMessageSize(bytes, at);
    if (first !== 0x82) {
      this.#beginPass(bytes, at, length, size);
      return;
    }
    if (this.#masked) this.#key.set(bytes, at + length - 4);
    this.#size = size;
    this.#received = 0;
    if (size === 0) this.#options.message(noBytes);
    else this.#state = 'body';
  }

  #readBody(chunk: Uint8Array, at: number, end: number, writable: boolean): number {
    const size = this.#size;
    if (this.#received === 0) {
      if (writable && size <= end - at && this.#mayLend(size)) {
        this.#lendInPlace(chunk, at, size);
        return at + size;
      }
      if (this.#key.isZero) this.#piped = this.#options.pipe?.(chunk.subarray(at, end), size);
      if (this.#piped === undefined) this.#allocate(size);
      else {
        this.#target = this.#piped.memory;
        this.#received = this.#piped.headBytes;
        at += this.#received;
      }
    }
    const to = at + Math.min(size - this.#received, end - at);
    const put = this.#piped?.put(chunk.subarray(at, to)) ?? 0;
    this.#received += put;
    this.#copy(chunk, at + put, to);
    this.#received += to - at - put;
    if (this.#received === size) this.#deliver();
    return to;
  }

  // A large masked payload is usually opaque bytes, which are copied in any case: unmasking while copying is faster. A larger
  // one may be of a file, whose receivers give its memory back.
  #mayLend(size: number): boolean {
    return size <= (this.#key.isZero ? minRegionFrameBytes : assemblyBytes);
  }

  #lendInPlace(chunk: Uint8Array, at: number, size: number): void {
    const { unmask, message, allocate } = this.#options;
    this.#state = 'head';
    const body = chunk.subarray(at, at + size);
    if (!this.#key.isZero) unmask(body, this.#key.at(0), body, 0, size);
    lend(body, message, allocate);
  }

  #allocate(size: number): void {
    const pooled = size <= assemblyBytes ? takeAssembly(this.#options.allocate) : undefined;
    this.#pooled = pooled !== undefined;
    this.#target = pooled ?? this.#options.allocate(size);
  }

  #copy(chunk: Uint8Array, at: number, to: number): void {
    if (at === to) return;
    const bytes = chunk.subarray(at, to);
    const received = this.#received;
    if (this.#key.isZero) this.#target.set(bytes, received);
    else this.#options.unmask(bytes, this.#key.at(received), this.#target, received, bytes.length);
  }

  #deliver(): void {
    const { message, allocate } = this.#options;
    const target = this.#target;
    this.#state = 'head';
    this.#target = noBytes;
    this.#piped = undefined;
    if (!this.#pooled) {
      message(target);
      return;
    }
    this.#pooled = false;
    try {
      lend(target.subarray(0, this.#size), message, allocate);
    } finally {
      releaseAssembly(target);
    }
  }

  // The receiver of ws may have a larger bound: it closes the connection for a length that no number can represent.
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
