/**
 * Reads the messages of the other side, frame by frame, in slices: a message with many frames, many messages with one
 * frame each, or frames whose handlers take long, must not keep the event loop from everything else.
 *
 *     idle ──message──▶ reading ──all frames──▶ idle
 *      │                 │   ▲
 *      │   time is over  ▼   │ next macrotask
 *      └───message────▶ behind: the socket is not read, and what still comes waits in order
 *
 * A slice may span messages. Those that follow each other closely form a run, which shares the time of one slice:
 *
 *     none ──message──▶ new ──has lasted `markAfter`──▶ marked ──time is over──▶ behind
 *      ▲                 │ older than `sparseAfter`       │
 *      └─────────────────┴───────── the marker fires ─────┘
 *
 * The marker is a macrotask: once it has run, the event loop has turned. Sparse messages need none, nor do few that come
 * together, so they cost no timer.
 */

import { ProtocolError } from '../errors.js';
import { MessageCursor } from '../wire/decode.js';
import type { FrameView, Hash32 } from '../wire/frame.js';

/** What a {@link MessageReader} needs. */
export interface ReaderOptions {
  readonly hash: Hash32 | undefined;
  readonly maxFrames: number;
  readonly view: FrameView;
  /** The monotonic clock, in ms. */
  now(): number;
  schedule(task: () => void, ms: number): () => void;
  /** Takes one frame; false: no further ones are wanted. */
  visit(frame: FrameView): boolean;
  /** The bytes break the protocol. */
  onFault(error: ProtocolError): void;
  /** The reader falls behind, or has caught up. */
  onBehind(behind: boolean): void;
}

/** A slice takes so long, in ms, and then the event loop has its turn. */
const sliceTime = 10;
/** A run of messages that has lasted so long, in ms, gets a marker. */
const markAfter = 2;
/** The event loop is taken to have turned within so long, in ms, if the run has no marker: messages are sparse. */
const sparseAfter = 50;
/** Frames between two looks at the clock; a power of two. */
const framesPerLook = 16;
/**
 * Of a message that is larger, in bytes, a payload that is less than a quarter is copied: whoever keeps it would keep the
 * whole message, and only the payload is accounted for. No sender of this library merges frames into so large a message.
 */
const pinnableBytes = 64 << 10;

/** See the head of this file. */
export class MessageReader {
  /** When the message that is being read arrived. */
  arrivedAt = 0;

  readonly #options: ReaderOptions;
  readonly #cursor: MessageCursor;
  // Messages that wait, oldest first, each with the time at which it came.
  readonly #waiting: { readonly message: Uint8Array; readonly at: number }[] = [];
  #reading = false;
  // Set while the rest of a message waits for its slice.
  #cancelSlice: (() => void) | undefined = undefined;
  #sliceEnd = Infinity;
  // When the present run of messages began.
  #runBegan = -Infinity;
  // Set while a macrotask waits that shows that the event loop has turned.
  #cancelMarker: (() => void) | undefined = undefined;
  #count = 0;
  // Payloads that are shorter are copied.
  #copiedBelow = 0;
  #timeIsOver = false;
  #stopped = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#cursor = new MessageCursor(options.view, options.hash, options.maxFrames);
  }

  /** Reads one message. One that comes while another is being read waits for its end. */
  receive(message: Uint8Array): void {
    const at = this.#options.now();
    if (this.#reading || this.#cancelSlice !== undefined) {
      this.#waiting.push({ message, at });
      return;
    }
    if (this.#isRunOver(at)) {
      this.#waiting.push({ message, at });
      this.#fallBehind();
      return;
    }
    this.#timeIsOver = false;
    this.#sliceEnd = this.#runBegan + sliceTime;
    this.#run(() => this.#begin(message, at));
  }

  /** Reads nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelSlice?.();
    this.#cancelSlice = undefined;
    this.#cancelMarker?.();
    this.#cancelMarker = undefined;
    this.#waiting.length = 0;
  }

  // Puts a message that comes now into the present run, or into a new one. True: the run has used up its slice.
  #isRunOver(at: number): boolean {
    if (this.#cancelMarker !== undefined) return at - this.#runBegan >= sliceTime;
    const lasted = at - this.#runBegan;
    if (lasted < markAfter) return false;
    if (lasted < sparseAfter) {
      this.#cancelMarker = this.#options.schedule(() => {
        this.#cancelMarker = undefined;
        // The next message begins a new run.
        this.#runBegan = -Infinity;
      }, 0);
    }
    // Whether the event loop has turned meanwhile was not watched: the time of a slice begins anew.
    this.#runBegan = at;
    return false;
  }

  #run(first: () => boolean): void {
    this.#reading = true;
    let done = false;
    try {
      done = first();
      while (done && !this.#timeIsOver && this.#waiting.length > 0) {
        if (this.#options.now() >= this.#sliceEnd) break;
        const next = this.#waiting.shift()!;
        done = this.#begin(next.message, next.at);
      }
    } finally {
      this.#reading = false;
    }
    if (this.#isStopped()) return;
    if (!done || this.#waiting.length > 0) this.#fallBehind();
  }

  #begin(message: Uint8Array, at: number): boolean {
    if (this.#stopped) return true;
    this.arrivedAt = at;
    this.#copiedBelow = message.length > pinnableBytes ? message.length / 4 : 0;
    try {
      this.#cursor.begin(message);
      return this.#cursor.walk(this.#visit);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #goOn(): boolean {
    try {
      return this.#cursor.walk(this.#visit);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): true {
    if (!(error instanceof ProtocolError)) throw error;
    this.#options.onFault(error);
    return true;
  }

  #fallBehind(): void {
    // The slice that follows shows the same.
    this.#cancelMarker?.();
    this.#cancelMarker = undefined;
    this.#options.onBehind(true);
    this.#cancelSlice = this.#options.schedule(() => {
      this.#cancelSlice = undefined;
      this.#timeIsOver = false;
      this.#runBegan = this.#options.now();
      this.#sliceEnd = this.#runBegan + sliceTime;
      this.#run(() => this.#goOn());
      if (!this.#isBehind() && !this.#isStopped()) this.#options.onBehind(false);
    }, 0);
  }

  readonly #visit = (frame: FrameView): boolean => {
    if (frame.payload.length < this.#copiedBelow) frame.payload = frame.payload.slice();
    if (!this.#options.visit(frame)) return false;
    if ((++this.#count & (framesPerLook - 1)) !== 0) return true;
    this.#timeIsOver = this.#options.now() >= this.#sliceEnd;
    return !this.#timeIsOver;
  };

  // Methods, because the compiler does not see what a frame does.
  #isBehind(): boolean {
    return this.#cancelSlice !== undefined;
  }

  #isStopped(): boolean {
    return this.#stopped;
  }
}
