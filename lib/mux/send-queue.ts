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
import { maxHeadBytes, writeHead } from '../wire/encode.js';
import { emptyPayload } from '../wire/frame.js';
import { BulkLine, type BulkFrame, type BulkWriter } from './bulk.js';

/** The way to the socket. */
export interface MessageSink {
  /** Sends one WebSocket message. Who hears of it may call the engine at once. */
  send(message: WireMessage): void;
  /** Bytes that the socket holds and has not given to the network. */
  readonly bufferedBytes: number;
  /** Of all that was sent, the newest so many bytes are still referred to. Undefined where that is not known. */
  readonly heldBytes?: number | undefined;
  /** Writes bulk frames. */
  readonly bulk?: BulkWriter;
  /** A bulk frame of `length` bytes begins to leave. `head` is the same frame without its payload. */
  passing?(head: Uint8Array, length: number): void;
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
  /** Set where somebody else writes the payload. */
  readonly bulk?: BulkFrame;
}

/** Bytes in the socket above which frames wait here, where they keep their order and can still be taken back. */
export const congestedBytes = 256 << 10;

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
  readonly #bulk: BulkLine;
  // Owners whose next frame is no bulk frame. The first one is next; one that was served goes to the end.
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
    now: () => number = () => 0,
  ) {
    this.#sink = sink;
    this.#hardLimit = hardLimit;
    this.#onFault = onFault;
    this.#bulk = new BulkLine(now);
    this.#batch = new Batch((message) => this.#emit(message), checksum);
  }

  /** Writes bulk frames; undefined where the sink does not. */
  get bulkWriter(): BulkWriter | undefined {
    return this.#sink.bulk;
  }

  /** Bytes that the next bulk frame should have at most. */
  get bulkFrameBytes(): number {
    return this.#bulk.frameBytes;
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
    this.#enqueue(owner, { muxId, seq, deadlineMs, handler, op, flags, payload, subroute });
  }

  /** Sends a frame whose payload somebody else writes, when its turn comes. It carries no checksum: nobody reads its bytes here. */
  sendBulk(owner: FrameOwner, muxId: MuxId, seq: number, op: number, bulk: BulkFrame): void {
    const fields = { muxId, seq, deadlineMs: 0, handler: 0, op, flags: 0, payload: emptyPayload, subroute: undefined };
    this.#enqueue(owner, { ...fields, bulk });
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

  /** True where a frame with so large a payload would have to wait, and more than `maxBytes` would wait then. */
  isFullFor(payloadBytes: number, maxBytes: number): boolean {
    return (this.congested || this.queuedBytes > 0) && this.queuedBytes + payloadBytes + maxHeadBytes > maxBytes;
  }

  /** Takes back what has not gone out. True where there was something. */
  purge(owner: FrameOwner): boolean {
    this.#waiting.delete(owner);
    if (owner.queued === undefined) return false;
    if (!this.#ring.delete(owner) && !this.#bulk.owners.delete(owner)) return false;
    for (const frame of owner.queued) this.queuedBytes -= frame.payload.length + maxHeadBytes;
    owner.queued = undefined;
    return true;
  }

  /** The owner, of a mux that the other side opened, has ended. What of it waits goes out, unless it is taken back. */
  leave(muxId: MuxId, owner: FrameOwner): void {
    if (owner.queued !== undefined) this.#leaving.set(muxId, owner);
  }

  /** True where the last frames of an owner that has ended still wait. */
  isLeaving(muxId: MuxId): boolean {
    return this.#leaving.get(muxId)?.queued !== undefined;
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
    // What is given to the sink within a message that it writes would have to wait there.
    if (this.#emitting || this.#bulk.writing) return;
    this.#batch.flush();
    if (this.#ring.size > 0 || this.#waiting.size > 0 || this.congested || this.#bulk.owners.size > 0) this.#drain();
  }

  /** Forgets everything. Nothing leaves any more, whatever is sent. */
  close(): void {
    this.#closed = true;
    this.congested = false;
    this.queuedBytes = 0;
    this.#ring.clear();
    this.#leaving.clear();
    this.#bulk.owners.clear();
    this.#waiting.clear();
    this.#batch.discard();
  }

  #enqueue(owner: FrameOwner, frame: QueuedFrame): void {
    if (owner.queued === undefined) {
      owner.queued = [frame];
      this.#lineOf(frame).add(owner);
    } else {
      owner.queued.push(frame);
    }
    this.queuedBytes += frame.payload.length + maxHeadBytes;
    this.#checkHardLimit();
  }

  // Where an owner stands whose next frame this is.
  #lineOf(frame: QueuedFrame): Set<FrameOwner> {
    return frame.bulk === undefined ? this.#ring : this.#bulk.owners;
  }

  #shift(owner: FrameOwner): QueuedFrame {
    const queued = owner.queued!;
    const frame = queued.shift()!;
    this.#lineOf(frame).delete(owner);
    if (queued.length === 0) owner.queued = undefined;
    else this.#lineOf(queued[0]!).add(owner);
    this.queuedBytes -= frame.payload.length + maxHeadBytes;
    return frame;
  }

  #drain(): void {
    do {
      this.congested = this.#sink.bufferedBytes > congestedBytes;
      // A Set is walked in the order of adding, also over what is added meanwhile: this goes round until all is sent.
      for (const owner of this.#ring) {
        // A full batch has gone out by itself and may have filled the socket, see #emit.
        if (this.congested || this.#bulk.due) break;
        const frame = this.#shift(owner);
        this.#bulk.passed(frame.payload.length + maxHeadBytes);
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
      this.#batch.flush();
    } while (!this.congested && this.#writeBulk());
    if (this.#ring.size === 0 && this.#bulk.owners.size === 0) this.#leaving.clear();
    for (const owner of this.#waiting) {
      // Who was told may have filled the socket. The others stay in front, for the next time.
      if (this.congested || this.#ring.size > 0) return;
      this.#waiting.delete(owner);
      owner.onWritable();
    }
  }

  // True: a bulk frame has left already, and what waits for it may go on.
  #writeBulk(): boolean {
    const [owner] = this.#bulk.owners;
    if (owner === undefined) return false;
    const { muxId, seq, op, bulk } = this.#shift(owner);
    const { prefix, length } = bulk!;
    const head = new Uint8Array(maxHeadBytes + prefix.length);
    const end = writeHead(head, 0, muxId, seq, 0, 0, op, 0, prefix.length + length);
    head.set(prefix, end);
    if (this.#sink.passing !== undefined) {
      const shown = new Uint8Array(maxHeadBytes);
      this.#sink.passing(
        shown.subarray(0, writeHead(shown, 0, muxId, seq, 0, 0, op, 0, 0)),
        end + prefix.length + length,
      );
    }
    this.#bulk.begin(prefix.length + length);
    this.congested = true;
    let within = true;
    bulk!.write(head.subarray(0, end + prefix.length), (error) => {
      // After a torn message nothing can follow: it stays as it is until the connection is given up.
      if (error !== undefined || this.#closed) return;
      this.#bulk.end();
      if (!within) this.flush();
    });
    within = false;
    return !this.#bulk.writing;
  }

  // The result: bytes that are still referred to, see Batch.
  #emit(message: WireMessage): number {
    if (this.#closed) return Infinity;
    const outer = this.#emitting;
    this.#emitting = true;
    this.congested = true;
    this.#bulk.othersSend();
    this.#sink.send(message);
    this.#emitting = outer;
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- who heard of the message may have closed.
    this.congested = !this.#closed && (outer || this.#bulk.writing || this.#sink.bufferedBytes > congestedBytes);
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
