/**
 * The queue of one owner: the frames that it has to send and that have not left yet.
 *
 *     empty ──append──▶ ready ──removeFirst, until none is left──▶ empty
 *       └──── wantsTurn ───▲
 */

import type { Opening } from '../../wire/encode.js';
import type { MuxId } from '../../wire/frame.js';
import type { RegionFrame } from './region-frame.js';

/** Bytes that an owner, or a lane, may send in one turn before the next one follows. */
export const quantumBytes = 16 << 10;

/**
 * Owners of one lane share equally. A unary call has a single frame to send, so its lane is first in, first out; a
 * stream has many frames, and its turn comes again and again.
 */
export type LaneName = 'calls' | 'streams';

/** One end of a mux, as the schedule sees it. */
export interface FrameOwner {
  readonly id: MuxId;
  readonly lane: LaneName;
  /** True after the end: the owner gets no further turn, and leaves the schedule with its last frame. */
  readonly ended: boolean;
  /** Maintained by the schedule. Undefined while the owner has nothing to send. */
  queue: OwnerQueue | undefined;
  /** The owner's turn has come, after it was refused room: it may send until there is no room for it again. */
  onWritable(): void;
}

/**
 * Memory of a queued frame besides its payload: frame, view of the payload, queue, and a mux that has ended. Measured.
 */
export const queuedFrameBytes = 576;

/** A frame that waits for its turn; the node of a linked list, because most owners have only one. */
export class QueuedFrame {
  readonly op: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly seq: number;
  readonly opening: Opening | undefined;
  /** Set where another component writes the payload. */
  readonly region: RegionFrame | undefined;
  next: QueuedFrame | undefined = undefined;

  constructor(
    op: number,
    flags: number,
    payload: Uint8Array,
    seq: number,
    opening: Opening | undefined,
    region: RegionFrame | undefined,
  ) {
    this.op = op;
    this.flags = flags;
    this.payload = payload;
    this.seq = seq;
    this.opening = opening;
    this.region = region;
  }

  /** Memory that the frame holds, in bytes. */
  get memory(): number {
    return this.payload.length + (this.opening?.tail?.length ?? 0) + queuedFrameBytes;
  }
}

/** The frames of one owner that wait to be sent. */
export class OwnerQueue {
  readonly owner: FrameOwner;
  /**
   * Bytes that the owner may send in its turn. Below zero it has sent more than its share, and its turns are skipped.
   */
  deficit = quantumBytes;
  /** The owner was refused room, and will produce a frame in its turn. */
  wantsTurn = false;
  /** Whether the lane has counted this queue as ready. */
  countedAsReady = false;
  /** The oldest frame. */
  first: QueuedFrame | undefined = undefined;
  /** Neighbours in the lane. */
  previous: OwnerQueue | undefined = undefined;
  next: OwnerQueue | undefined = undefined;

  #last: QueuedFrame | undefined = undefined;

  constructor(owner: FrameOwner) {
    this.owner = owner;
  }

  /** True while the owner has something to send. */
  get ready(): boolean {
    return this.first !== undefined || this.wantsTurn;
  }

  /** Adds a frame behind the others. */
  append(frame: QueuedFrame): void {
    if (this.#last === undefined) this.first = frame;
    else this.#last.next = frame;
    this.#last = frame;
  }

  /** Removes the oldest frame. There must be one. */
  removeFirst(): QueuedFrame {
    const frame = this.first!;
    this.first = frame.next;
    if (frame.next === undefined) this.#last = undefined;
    return frame;
  }

  /** Removes all frames, and the wish for a turn. Returns the memory of the frames, in bytes. */
  clear(): number {
    let memory = 0;
    for (let frame = this.first; frame !== undefined; frame = frame.next) memory += frame.memory;
    this.first = undefined;
    this.#last = undefined;
    this.wantsTurn = false;
    return memory;
  }
}
