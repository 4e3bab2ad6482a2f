import type { Opening } from '../wire/encode.js';
import type { MuxId } from '../wire/frame.js';
import type { RegionFrame } from './region-frame.js';

/** Bytes of a turn: what an owner, or a lane, may send before the next one. */
export const quantumBytes = 16 << 10;

/**
 * Which owners share among themselves. A unary call has one frame to send, and so its lane is first in, first out; a
 * stream has many, and comes round.
 */
export type LaneName = 'calls' | 'streams';

/** What has something to send: one end of a mux. */
export interface FrameOwner {
  readonly id: MuxId;
  readonly lane: LaneName;
  /** True after the end: the owner leaves the schedule with its last frame, and has no turn of its own any more. */
  readonly ended: boolean;
  /** Kept by the schedule: where the owner stands; undefined while it has nothing to send. */
  queue: OwnerQueue | undefined;
  /** The owner's turn, after it was refused room: it may send until there is no room for it again. */
  onWritable(): void;
}

/** Memory of a queued frame beside its payload: frame, view of the payload, place, and a mux that has ended. Measured. */
export const queuedFrameBytes = 576;

/** A frame that waits for its turn. A list, because most owners have one. */
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

  /** Memory that it holds, in bytes. */
  get memory(): number {
    return this.payload.length + (this.opening?.tail?.length ?? 0) + queuedFrameBytes;
  }
}

/** Where one owner stands in its lane. */
export class OwnerQueue {
  readonly owner: FrameOwner;
  /** Bytes that the owner may send in its turn. Below zero: it has sent more than its share, and turns pass it by. */
  deficit = quantumBytes;
  /** The owner was refused room, and has a frame for its turn. */
  asked = false;
  /** Whether its lane counts this place among those that have something to send. */
  counted = false;
  /** Frames that wait, oldest first. */
  first: QueuedFrame | undefined = undefined;
  last: QueuedFrame | undefined = undefined;
  /** Neighbours in the lane. */
  previous: OwnerQueue | undefined = undefined;
  next: OwnerQueue | undefined = undefined;

  constructor(owner: FrameOwner) {
    this.owner = owner;
  }

  /** True while the owner has something to send. */
  get ready(): boolean {
    return this.first !== undefined || this.asked;
  }
}
