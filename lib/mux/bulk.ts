/**
 * Bulk frames: frames whose payload is not in hand when they are queued. When its turn has come, who made the frame
 * writes it, from memory or from where the bytes are.
 *
 *     queued ──its turn──▶ writing ──done──▶ written           one at a time on a connection
 *        └─ purged                └─ done(error): the connection is lost
 *
 * Another frame never waits here longer than one bulk frame takes; and where others saturate the connection, bulk frames
 * get every other byte. While others send, bulk frames are small: not for what waits here, but because as many of them as
 * there is credit for are on the way, ahead of every answer. (Measured: a call beside a transfer waited 19 ms with frames
 * of 1 MiB and a window of 16.)
 */

import { maxBulkFrameBytes, minBulkFrameBytes } from '../limits.js';
import type { FrameOwner } from './send-queue.js';

/** Called once: everything is with the network, or the message is torn. */
export type BulkDone = (error?: Error) => void;

/** Bytes in memory that go out as one message. They are the writer's until it is done, and it may change them. */
export interface BulkBytes {
  readonly bytes: Uint8Array;
  /** Bytes before them in the same memory, for what stands before them in the message. */
  readonly room: number;
  /** True: the memory is used again afterwards. Else it is given away. */
  readonly pooled: boolean;
}

/** Writes messages past the batch. */
export interface BulkWriter {
  /** Sends one message of `head` and `body`. */
  writeBytes(head: Uint8Array, body: BulkBytes, done: BulkDone): void;
}

/** One frame whose payload somebody else writes. */
export interface BulkFrame {
  /** Stands before the body, in the payload. */
  readonly prefix: Uint8Array;
  /** Bytes of the body. */
  readonly length: number;
  /** Its turn has come: sends one message of `head`, which has the prefix, and the body. */
  write(head: Uint8Array, done: BulkDone): void;
}

/** So long, in ms, nobody else must have sent anything before bulk frames grow again. */
const quietTime = 50;

/** Whose bulk frame is next, and how large it should be. */
export class BulkLine {
  /** Bytes of the next bulk frames. */
  frameBytes = maxBulkFrameBytes;
  /** True from a frame's first byte to its last; for ever where it was torn. */
  writing = false;
  /** Owners whose next frame is a bulk frame. */
  readonly owners = new Set<FrameOwner>();

  readonly #now: () => number;
  #othersSent = false;
  #lastOther = -Infinity;
  #lastEnd = -Infinity;
  #length = 0;
  // What others had sent since the last bulk frame, while one waited.
  #passed = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** True where a bulk frame goes before what else waits. */
  get due(): boolean {
    return this.owners.size > 0 && this.#passed >= this.#length;
  }

  /** A message of others goes out. */
  othersSend(): void {
    this.#othersSent = true;
  }

  /** A frame that waited has gone out before the next bulk frame. */
  passed(bytes: number): void {
    this.#passed += bytes;
  }

  /** A bulk frame begins to leave. */
  begin(length: number): void {
    this.writing = true;
    this.#passed = 0;
    this.#length = length;
    // What led to the first frame of a transfer is not beside it.
    if (this.#now() - this.#lastEnd >= quietTime) this.#othersSent = false;
  }

  /** It has left. */
  end(): void {
    this.writing = false;
    const now = this.#now();
    this.#lastEnd = now;
    if (this.#othersSent) {
      this.#othersSent = false;
      this.#lastOther = now;
      this.frameBytes = Math.max(minBulkFrameBytes, this.frameBytes >> 1);
    } else if (now - this.#lastOther >= quietTime) {
      this.frameBytes = Math.min(maxBulkFrameBytes, this.frameBytes << 1);
    }
  }
}
