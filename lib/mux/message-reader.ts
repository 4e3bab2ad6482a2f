/**
 * Reads the messages of the other side, frame by frame, in slices of time: a message with many frames, many messages of
 * one frame each, or frames with slow handlers must not block the event loop.
 *
 *     idle ──message──▶ reading ──all frames──▶ idle
 *      │                 │   ▲
 *      │   slice used up ▼   │ next macrotask
 *      └───message────▶ behind: the socket is not read, and messages that still arrive wait in order
 *
 * All connections of a process share the time (`reading-time`).
 */

import { ProtocolError } from '../errors.js';
import { keep } from '../lent.js';
import type { Marks } from '../runtime.js';
import { isSmallPart } from '../small-part.js';
import { MessageCursor } from '../wire/decode.js';
import type { FrameView, Hash32 } from '../wire/frame.js';
import type { ReadingTime, SlicedReader } from './reading-time.js';

/** Options of a {@link MessageReader}. */
export interface ReaderOptions {
  readonly hash: Hash32 | undefined;
  readonly maxFrames: number;
  /** Of simulations. */
  readonly marks: Marks;
  readonly view: FrameView;
  readonly time: ReadingTime;
  /** The monotonic clock, in ms. */
  now(): number;
  /** Takes one frame; returns false to stop. */
  visit(frame: FrameView): boolean;
  /** The bytes violate the protocol. */
  onFault(error: ProtocolError): void;
  /** The reader falls behind, or has caught up. */
  onBehind(behind: boolean): void;
}

/** Frames between two readings of the clock, at most: fewer where frames take long. */
const framesPerReading = 16;
/** Time between two readings of the clock, in ms, about which the number of frames is chosen. */
const timePerReading = 0.5;
/** Bytes of payloads between two readings of the clock, at most about: the handlers of large ones often take long. */
const bytesPerReading = 16 << 10;
/**
 * Payloads of a message larger than this, in bytes, are copied where they are a small part of it: a consumer that keeps
 * one would keep the whole message, while only the payload is accounted for. No sender of this library merges frames
 * into such a large message.
 */
const largeMessageBytes = 64 << 10;

/** Reads received messages frame by frame, and yields to the event loop after a slice of time. */
export class MessageReader implements SlicedReader {
  /** Arrival time of the message that is being read, on the monotonic clock, in ms. */
  arrivedAt = 0;
  /** Arrival time of the newest message; −Infinity before the first one. */
  lastArrival = -Infinity;

  readonly #options: ReaderOptions;
  readonly #cursor: MessageCursor;
  // Messages that wait, oldest first, each with its arrival time.
  readonly #waiting: { readonly message: Uint8Array; readonly at: number }[] = [];
  #reading = false;
  // See `whenRead`.
  #onRead: (() => void) | undefined = undefined;
  // True while the rest of what has arrived waits for the next slice.
  #behind = false;
  #sliceEnd = Infinity;
  // The last run of messages in which this reader has read.
  #lastRun = -1;
  // Frames until the clock is read, and how many it was last time.
  #framesLeft = framesPerReading;
  #frames = framesPerReading;
  #clockReadAt = 0;
  // Bytes of payloads since the last reading of the clock.
  #bytesRead = 0;
  #isLargeMessage = false;
  #sliceUsedUp = false;
  // When the reader was last behind; −Infinity: never.
  #behindUntil = -Infinity;
  #stopped = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#cursor = new MessageCursor(options.view, options.hash, options.maxFrames);
    options.time.join();
  }

  /** Reads one message, which may be lent. A message that arrives while another one is being read waits for its end. */
  receive(message: Uint8Array): void {
    const at = this.#options.now();
    this.lastArrival = at;
    if (this.#reading || this.#behind) {
      this.#waiting.push({ message: keep(message), at });
      return;
    }
    const { time } = this.#options;
    if (!time.admits(at, this.#lastRun)) {
      this.#waiting.push({ message: keep(message), at });
      this.#fallBehind();
      return;
    }
    this.#sliceUsedUp = false;
    this.#sliceEnd = time.sliceEnd;
    this.#clockReadAt = at;
    if (this.#lastRun !== time.run) this.#beginRun(time.run);
    if (this.#options.marks.buggify?.('a slice is used up at once') === true) this.#useUpSlice();
    this.#run(() => this.#begin(message, at));
  }

  /**
   * Runs `task` when all messages that have arrived are read: at once where none waits, and never after {@link stop}.
   */
  whenRead(task: () => void): void {
    if (this.#reading || this.#behind) this.#onRead = task;
    else if (!this.#stopped) task();
  }

  /**
   * Until when messages that had arrived waited to be read, on the monotonic clock, in ms: now where some wait,
   * −Infinity where none ever did. More may have waited in the socket, which is paused meanwhile.
   */
  get unreadUntil(): number {
    return this.#behind ? this.#options.now() : this.#behindUntil;
  }

  /** Reads nothing afterwards. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#onRead = undefined;
    this.#behind = false;
    this.#options.time.leave(this);
    this.#waiting.length = 0;
  }

  /** @internal Called by the {@link ReadingTime}: the next slice of this reader. */
  readSlice(end: number): void {
    this.#sliceUsedUp = false;
    this.#sliceEnd = end;
    this.#clockReadAt = this.#options.now();
    this.#beginRun(this.#options.time.run);
    this.#behind = false;
    this.#run(() => this.#continue());
    if (this.#isBehind() || this.#isStopped()) return;
    this.#behindUntil = this.#options.now();
    this.#options.onBehind(false);
  }

  // In each run, a reader may read some frames before it reads the clock.
  #beginRun(run: number): void {
    this.#lastRun = run;
    this.#framesLeft = this.#frames;
    this.#bytesRead = 0;
  }

  // Of simulations: the next frame is the last one of this slice.
  #useUpSlice(): void {
    this.#sliceEnd = -Infinity;
    this.#framesLeft = 1;
  }

  #run(first: () => boolean): void {
    this.#reading = true;
    let done = false;
    try {
      done = first();
      while (done && !this.#sliceUsedUp && this.#waiting.length > 0) {
        if (this.#options.now() >= this.#sliceEnd) break;
        const next = this.#waiting.shift()!;
        done = this.#begin(next.message, next.at);
      }
    } finally {
      this.#reading = false;
    }
    if (this.#isStopped()) return;
    if (!done || this.#waiting.length > 0) this.#fallBehind();
    else if (this.#onRead !== undefined) this.#caughtUp();
  }

  #caughtUp(): void {
    const task = this.#onRead;
    this.#onRead = undefined;
    task?.();
  }

  #begin(message: Uint8Array, at: number): boolean {
    if (this.#stopped) return true;
    this.arrivedAt = at;
    this.#isLargeMessage = message.length > largeMessageBytes;
    try {
      this.#cursor.begin(message);
      return this.#cursor.walk(this.#visit);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #continue(): boolean {
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
    this.#options.marks.sometimes?.('a message was read in slices');
    this.#behind = true;
    this.#options.time.wait(this);
    this.#options.onBehind(true);
  }

  readonly #visit = (frame: FrameView): boolean => {
    if (this.#isLargeMessage && isSmallPart(frame.payload)) frame.payload = frame.payload.slice();
    // Before the frame is visited: its view may be overwritten then.
    this.#bytesRead += frame.payload.length;
    if (!this.#options.visit(frame)) return false;
    if (--this.#framesLeft > 0 && this.#bytesRead < bytesPerReading) return true;
    return this.#hasTimeLeft();
  };

  // Reads the clock, and chooses after how many frames it is read next.
  #hasTimeLeft(): boolean {
    const now = this.#options.now();
    const read = this.#frames - this.#framesLeft;
    const fitting = (read * timePerReading) / (now - this.#clockReadAt);
    this.#framesLeft = this.#frames = Math.max(1, Math.min(framesPerReading, 2 * this.#frames, Math.floor(fitting)));
    this.#clockReadAt = now;
    this.#bytesRead = 0;
    this.#sliceUsedUp = now >= this.#sliceEnd;
    return !this.#sliceUsedUp;
  }

  // Methods, because the compiler cannot see that handling a frame changes these fields.
  #isBehind(): boolean {
    return this.#behind;
  }

  #isStopped(): boolean {
    return this.#stopped;
  }
}
