/**
 * What goes out, in order within a mux and fair across muxes.
 *
 *     send ──▶ batch ──flush──▶ socket          while the socket keeps up
 *        └───▶ the mux's own queue ──▶ ring     while it does not: one frame of each mux per round
 *
 * Frames of the connection itself go straight to the batch. What is sent while the sink takes a message waits, so that
 * nothing overtakes the frame that was being added.
 */

import { ProtocolError } from '../errors.js';
import type { Checksum } from '../wire/checksum.js';
import { Batch, type WireMessage } from '../wire/batch.js';
import type { MuxId } from '../wire/frame.js';
import { maxHeadBytes } from '../wire/encode.js';

/** The way to the socket. */
export interface MessageSink {
  /** Sends one WebSocket message. Who hears of it may call the engine at once. */
  send(message: WireMessage): void;
  /** Bytes that the socket holds and has not given to the network. */
  readonly bufferedBytes: number;
  /** Of all that was sent, the newest so many bytes are still referred to. Undefined where that is not known. */
  readonly heldBytes?: number | undefined;
}

/** Who owns queued frames: a mux. */
export interface FrameOwner {
  /** Frames that wait, oldest first. The queue's own; it stays as it is when the queue closes. */
  queued: QueuedFrame[] | undefined;
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
  // Owners with queued frames. The first one is next; one that was served goes to the end.
  readonly #ring = new Set<FrameOwner>();
  // Owners that asked for room, and were refused. The first one is told first.
  readonly #waiting = new Set<FrameOwner>();
  // Owners that have ended, and whose last frames wait.
  readonly #leaving = new Map<MuxId, FrameOwner>();
  #emitting = false;
  #closed = false;

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
    this.#batch = new Batch((message) => this.#emit(message), checksum);
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
      this.#ring.add(owner);
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
    this.#waiting.add(owner);
    return false;
  }

  /** Takes back what has not gone out. True where there was something. */
  purge(owner: FrameOwner): boolean {
    this.#waiting.delete(owner);
    if (owner.queued === undefined || !this.#ring.delete(owner)) return false;
    for (const frame of owner.queued) this.queuedBytes -= frame.payload.length + maxHeadBytes;
    owner.queued = undefined;
    return true;
  }

  /** The owner, of a mux that the other side opened, has ended. What of it waits goes out, unless it is taken back. */
  leave(muxId: MuxId, owner: FrameOwner): void {
    if (owner.queued !== undefined) this.#leaving.set(muxId, owner);
  }

  /** Takes back what waits of an owner that has ended. True where there was something. */
  takeBack(muxId: MuxId): boolean {
    const owner = this.#leaving.get(muxId);
    if (owner === undefined) return false;
    this.#leaving.delete(muxId);
    return this.purge(owner);
  }

  /** Gives the batch to the socket, and then what waits, as far as the socket takes it. */
  flush(): void {
    if (this.#emitting) return;
    this.#batch.flush();
    if (this.#ring.size > 0 || this.#waiting.size > 0 || this.congested) this.#drain();
  }

  /** Forgets everything. Nothing leaves any more, whatever is sent. */
  close(): void {
    this.#closed = true;
    this.congested = false;
    this.queuedBytes = 0;
    this.#ring.clear();
    this.#leaving.clear();
    this.#waiting.clear();
    this.#batch.discard();
  }

  #drain(): void {
    this.congested = this.#sink.bufferedBytes > congestedBytes;
    // A Set is walked in the order of adding, also over what is added meanwhile: this goes round until all is sent.
    for (const owner of this.#ring) {
      // A full batch has gone out by itself and may have filled the socket, see #emit.
      if (this.congested) break;
      const frame = owner.queued!.shift()!;
      this.#ring.delete(owner);
      if (owner.queued!.length === 0) owner.queued = undefined;
      else this.#ring.add(owner);
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
    }
    if (this.#ring.size === 0) this.#leaving.clear();
    this.#batch.flush();
    for (const owner of this.#waiting) {
      // Who was told may have filled the socket. The others stay in front, for the next time.
      if (this.congested || this.#ring.size > 0) return;
      this.#waiting.delete(owner);
      owner.onWritable();
    }
  }

  // The result: bytes that are still referred to, see Batch.
  #emit(message: WireMessage): number {
    if (this.#closed) return Infinity;
    const outer = this.#emitting;
    this.#emitting = true;
    this.congested = true;
    this.#sink.send(message);
    this.#emitting = outer;
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- who heard of the message may have closed.
    this.congested = !this.#closed && (outer || this.#sink.bufferedBytes > congestedBytes);
    if (this.congested) this.#checkHardLimit();
    return this.#sink.heldBytes ?? Infinity;
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
