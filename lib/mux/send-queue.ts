/**
 * What goes out, in order within a mux and fair across muxes.
 *
 *     send ──▶ batch ──flush──▶ socket          while the socket keeps up
 *        └───▶ the mux's own queue ──▶ ring     while it does not: one frame of each mux per round
 *
 * Frames of the connection itself go straight to the batch.
 */

import { ProtocolError } from '../errors.js';
import type { Checksum } from '../wire/checksum.js';
import { Batch, type WireMessage } from '../wire/batch.js';
import type { MuxId } from '../wire/frame.js';
import { maxHeadBytes } from '../wire/encode.js';

/** The way to the socket. */
export interface MessageSink {
  /** Sends one WebSocket message. */
  send(message: WireMessage): void;
  /** Bytes that the socket holds and has not given to the network. */
  readonly bufferedBytes: number;
}

/** Who owns queued frames: a mux. The two fields are the queue's own. */
export interface FrameOwner {
  /** Frames that wait, oldest first. */
  queued: QueuedFrame[] | undefined;
  /** True while it waits for {@link onWritable}. */
  awaitsRoom: boolean;
  /** Called when the queue has room again after it refused. */
  onWritable(): void;
}

/** A frame that waits for its turn. */
export interface QueuedFrame {
  readonly muxId: MuxId;
  readonly seq: number;
  readonly deadlineMs: number;
  readonly handler: number;
  readonly op: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly subroute: Uint8Array | undefined;
}

/** Bytes in the socket above which frames wait here, where they keep their order and can still be taken back. */
const congestedBytes = 256 << 10;

/** See the head of this file. */
export class SendQueue {
  /** True while the socket holds so much that frames wait here. */
  congested = false;
  /** Bytes of payload and head that wait here. */
  queuedBytes = 0;

  readonly #batch: Batch;
  readonly #sink: MessageSink;
  readonly #hardLimit: number;
  readonly #onFault: (error: ProtocolError) => void;
  // Owners with queued frames. The first one is next.
  #ring: FrameOwner[] = [];
  #waiting: FrameOwner[] = [];

  /** `hardLimit`: bytes in socket and queue together at which the other side counts as not reading; `onFault` is then called. */
  constructor(
    sink: MessageSink,
    checksum: Checksum | undefined,
    hardLimit: number,
    onFault: (error: ProtocolError) => void,
  ) {
    this.#sink = sink;
    this.#hardLimit = hardLimit;
    this.#onFault = onFault;
    this.#batch = new Batch((message) => {
      this.#emit(message);
    }, checksum);
  }

  /** Sends a frame of a mux: now where it can be, else when its turn comes. */
  send(
    owner: FrameOwner,
    muxId: MuxId,
    seq: number,
    deadlineMs: number,
    handler: number,
    op: number,
    flags: number,
    payload: Uint8Array,
    subroute?: Uint8Array,
  ): void {
    if (!this.congested && owner.queued === undefined) {
      this.#batch.add(muxId, seq, deadlineMs, handler, op, flags, payload, subroute);
      return;
    }
    const frame = { muxId, seq, deadlineMs, handler, op, flags, payload, subroute };
    if (owner.queued === undefined) {
      owner.queued = [frame];
      this.#ring.push(owner);
    } else {
      owner.queued.push(frame);
    }
    this.queuedBytes += payload.length + maxHeadBytes;
    this.#checkHardLimit();
  }

  /** Sends a frame of the connection, or one that answers a stray: before everything that waits. */
  sendControl(
    muxId: MuxId,
    seq: number,
    deadlineMs: number,
    handler: number,
    op: number,
    flags: number,
    payload: Uint8Array,
  ): void {
    this.#batch.add(muxId, seq, deadlineMs, handler, op, flags, payload);
  }

  /** True where a frame of this owner would go out at once; else the owner hears `onWritable` when it would. */
  hasRoomFor(owner: FrameOwner): boolean {
    if (!this.congested && owner.queued === undefined) return true;
    if (!owner.awaitsRoom) {
      owner.awaitsRoom = true;
      this.#waiting.push(owner);
    }
    return false;
  }

  /** Takes back what has not gone out. True where there was something. */
  purge(owner: FrameOwner): boolean {
    owner.awaitsRoom = false;
    if (owner.queued === undefined) return false;
    for (const frame of owner.queued) this.queuedBytes -= frame.payload.length + maxHeadBytes;
    owner.queued = undefined;
    this.#ring = this.#ring.filter((other) => other !== owner);
    return true;
  }

  /** Gives the batch to the socket, and then what waits, as far as the socket takes it. */
  flush(): void {
    this.#batch.flush();
    if (this.#ring.length > 0 || this.congested) this.#drain();
  }

  /** Forgets everything. */
  clear(): void {
    for (const owner of this.#ring) owner.queued = undefined;
    this.#ring = [];
    this.#waiting = [];
    this.queuedBytes = 0;
    this.#batch.discard();
  }

  #drain(): void {
    this.congested = this.#sink.bufferedBytes > congestedBytes;
    let next = 0;
    while (!this.congested && this.#ring.length > 0) {
      if (next >= this.#ring.length) next = 0;
      const owner = this.#ring[next]!;
      const frame = owner.queued!.shift()!;
      if (owner.queued!.length === 0) {
        owner.queued = undefined;
        this.#ring.splice(next, 1);
      } else {
        next++;
      }
      this.queuedBytes -= frame.payload.length + maxHeadBytes;
      this.#batch.add(
        frame.muxId,
        frame.seq,
        frame.deadlineMs,
        frame.handler,
        frame.op,
        frame.flags,
        frame.payload,
        frame.subroute,
      );
      // A full batch has gone out by itself and may have filled the socket, see #emit.
    }
    // Who was served goes behind who was not.
    if (next > 0 && next < this.#ring.length) this.#ring.push(...this.#ring.splice(0, next));
    this.#batch.flush();
    if (this.congested || this.#ring.length > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const owner of waiting) {
      if (!owner.awaitsRoom) continue;
      owner.awaitsRoom = false;
      owner.onWritable();
    }
  }

  #emit(message: WireMessage): void {
    this.#sink.send(message);
    if (this.#sink.bufferedBytes > congestedBytes) {
      this.congested = true;
      this.#checkHardLimit();
    }
  }

  #checkHardLimit(): void {
    if (this.queuedBytes + this.#sink.bufferedBytes <= this.#hardLimit) return;
    this.#onFault(
      new ProtocolError(
        'The other side does not read: more than four times maxSendQueueBytes wait for it. Raise maxSendQueueBytes if that is meant.',
      ),
    );
  }
}
