/**
 * Decides which frame of a connection is sent next.
 *
 *     sendControl ─────────────────────────────────────────────────────────┐
 *     send ── nothing waits, and the socket keeps up ──────────────────────┤
 *       └──── else: a frame of the owner ─────┐                            ▼
 *     hasRoomFor ── refused: a turn is due ──┐│                          batch ──flush──▶ socket
 *     sendRegionFrame ── a frame that        ││                            ▲                ▲
 *         another component writes ─────────┐││                            │                │
 *                                           ▼▼▼                            │                │
 *                 queue ──▶ lane of calls     A ▸ B ▸ C ▸ …  ──┐ one turn  │                │
 *                       └─▶ lane of streams   D ▸ E ▸ D ▸ …  ──┴─ each ────┴── region frame ──┘
 *
 * An owner (one end of a mux) has a queue while it has something to send:
 *
 *     none ──send, sendRegionFrame, hasRoomFor──▶ ready ──its turn: frames, then onWritable──▶ ready, at the end of the ring
 *      ▲                                           │  └──────── nothing more to send ──▶ in debt ──debt paid──▶ none
 *      └── purge, leave, last frame sent ──────────┘
 *
 * Deficit round robin by bytes is applied twice: between the lanes, and among the owners of a lane. A turn is worth
 * `quantumBytes`, and ends when the owner has sent that much. Frames are sent whole: bytes beyond the quantum are a debt, for
 * which later turns are skipped. An owner in debt keeps its queue even while it has nothing to send: otherwise an owner that
 * sends one large frame at a time would never pay. When nothing is queued any more, all debts are cancelled.
 *
 * Two lanes, because a call is an owner with a single frame: in one ring, a stream beside 1 500 calls would get one 1 500th
 * of the connection. With two, each lane gets half, and each owner at least half of its share of a single ring.
 */

import { ProtocolError } from '../../errors.js';
import type { Marks } from '../../runtime.js';
import type { Batch } from '../../wire/batch.js';
import type { Checksum } from '../../wire/checksum.js';
import { maxHeadBytes, type Opening } from '../../wire/encode.js';
import { emptyPayload, type MuxId } from '../../wire/frame.js';
import type { RegionFrame, RegionWriter } from './region-frame.js';
import { Lanes } from './lane.js';
import { MessageWriter, type MessageSink } from './message-writer.js';
import { PayloadStore } from './payload-store.js';
import { OwnerQueue, QueuedFrame, queuedFrameBytes, type FrameOwner, type LaneName } from './owner-queue.js';

/** Options of a {@link Schedule}. */
export interface ScheduleOptions {
  readonly sink: MessageSink;
  readonly marks: Marks;
  /** Undefined: messages are sent without a checksum. */
  readonly checksum: Checksum | undefined;
  /** Bytes in the socket and in this queue above which the other side is taken not to read: `onFault` is called. */
  readonly hardLimit: number;
  readonly onFault: (error: ProtocolError) => void;
  /** An owner threw in its turn. The other owners are served regardless. */
  readonly onThrown: (error: unknown) => void;
  /** The time on the monotonic clock, in ms. */
  readonly now: () => number;
}

/** Decides which frame of a connection is sent next: connection control first, then the owners in turn. */
export class Schedule {
  /** Memory of the queued frames, in bytes. */
  queuedBytes = 0;

  readonly #options: ScheduleOptions;
  readonly #writer: MessageWriter;
  readonly #batch: Batch;
  readonly #payloads = new PayloadStore();
  readonly #lanes = new Lanes();
  // The owner that is producing frames in its turn.
  #turn: OwnerQueue | undefined = undefined;
  // Responders that have ended while their last frames are queued, by the mux ids of the other side.
  readonly #leaving = new Map<MuxId, OwnerQueue>();
  #draining = false;
  #closed = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    const { sink, checksum, now } = options;
    this.#writer = new MessageWriter(sink, checksum, now, this.#checkHardLimit);
    this.#batch = this.#writer.batch;
  }

  /** Writes region frames; undefined where the sink has no way to do so. */
  get regionWriter(): RegionWriter | undefined {
    return this.#writer.regionWriter;
  }

  /** Size in bytes that the next region frame should not exceed. */
  get regionFrameBytes(): number {
    return this.#writer.regionFrameBytes;
  }

  /** Sends a frame of a mux: at once where nothing is queued, otherwise in its turn. `opening` belongs to a frame that opens the mux. */
  send(owner: FrameOwner, op: number, flags: number, payload: Uint8Array, seq = 0, opening?: Opening): void {
    if (this.#writer.congested || this.#lanes.ready !== 0) {
      if (!this.#isTurnOf(owner)) {
        this.#enqueue(owner, new QueuedFrame(op, flags, this.#payloads.keep(payload), seq, opening, undefined));
        return;
      }
      this.#lanes.charge(this.#turn!, payload.length + maxHeadBytes);
    }
    this.#batch.add(owner.id, op, flags, payload, seq, opening);
    if (this.#options.marks.buggify?.('a message leaves before it is full') === true) this.#writer.flush();
  }

  /** Sends, in its turn, a frame whose payload another component writes, without a checksum. */
  sendRegionFrame(owner: FrameOwner, op: number, seq: number, region: RegionFrame): void {
    this.#enqueue(owner, new QueuedFrame(op, 0, emptyPayload, seq, undefined, region));
  }

  /** Sends a frame of the connection itself, or an answer for an unknown mux: ahead of all queued frames. */
  sendControl(muxId: MuxId, op: number, flags: number, payload: Uint8Array, seq = 0, opening?: Opening): void {
    this.#batch.add(muxId, op, flags, payload, seq, opening);
  }

  /** True where a frame of this owner would be sent at once. Otherwise the owner gets a turn, with `onWritable`, once it would. */
  hasRoomFor(owner: FrameOwner): boolean {
    if (!this.#writer.congested) {
      if (this.#lanes.ready === 0) return true;
      if (this.#isTurnOf(owner) && this.#lanes.mayContinue(this.#turn!)) return true;
    }
    const queue = this.#queueOf(owner);
    queue.wantsTurn = true;
    this.#lanes.updateReady(queue);
    return false;
  }

  /** True where a frame with such a payload would be queued, and the queue would then exceed `maxBytes`. */
  isFullFor(payloadBytes: number, maxBytes: number): boolean {
    if (!this.#writer.congested && this.queuedBytes === 0) return false;
    return this.queuedBytes + payloadBytes + queuedFrameBytes > maxBytes;
  }

  /** The op of the owner's oldest queued frame; after `close`, of the one that was queued then. */
  waitingOp(owner: FrameOwner): number | undefined {
    return owner.queue?.first?.op;
  }

  /** Removes the owner's queued frames. True where there were any. */
  purge(owner: FrameOwner): boolean {
    const { queue } = owner;
    if (queue === undefined || this.#closed) return false;
    const found = queue.first !== undefined;
    this.queuedBytes -= queue.clear();
    this.#remove(queue);
    return found;
  }

  /**
   * The owner has ended and gets no further turn. Its queued frames are still sent, unless they are removed.
   * `incoming`: the other side opened the mux, and may cancel the queued frames by its id.
   */
  leave(owner: FrameOwner, incoming: boolean): void {
    const { queue } = owner;
    if (queue === undefined || this.#closed) return;
    queue.wantsTurn = false;
    if (!queue.ready) this.#remove(queue);
    else if (incoming) this.#leaving.set(owner.id, queue);
  }

  /** True while the last frames of a responder that has ended are queued. */
  isLeaving(muxId: MuxId): boolean {
    return this.#leaving.has(muxId);
  }

  /** Removes the queued frames of a responder that has ended. Returns its lane where there were any. */
  cancelLeaving(muxId: MuxId): LaneName | undefined {
    const owner = this.#leaving.get(muxId)?.owner;
    return owner !== undefined && this.purge(owner) ? owner.lane : undefined;
  }

  /** @internal Number of owners with a queue, and of responders that have ended with queued frames. */
  get held(): { queues: number; leaving: number } {
    return { queues: this.#lanes.size, leaving: this.#leaving.size };
  }

  /** Gives the batch to the socket, and then the queued frames, as far as the socket takes them. */
  flush(): void {
    if (this.#writer.busy || this.#draining) return;
    this.#writer.flush();
    if (this.#lanes.ready === 0 && !this.#writer.congested) return;
    this.#draining = true;
    try {
      this.#drain();
    } finally {
      this.#draining = false;
    }
  }

  /** The socket has closed: frames that are sent from now on stay queued, and are never sent. */
  socketEnded(): void {
    this.#writer.socketEnded();
  }

  /** Drops all queued frames. Nothing is sent afterwards. */
  close(): void {
    this.#closed = true;
    this.queuedBytes = 0;
    this.#lanes.clear();
    this.#leaving.clear();
    this.#payloads.release();
    this.#writer.close();
  }

  #isTurnOf(owner: FrameOwner): boolean {
    const turn = this.#turn;
    return turn !== undefined && turn === owner.queue && turn.first === undefined && !this.#writer.congested;
  }

  #queueOf(owner: FrameOwner): OwnerQueue {
    if (owner.queue === undefined) {
      owner.queue = new OwnerQueue(owner);
      this.#lanes.append(owner.queue);
    }
    return owner.queue;
  }

  #remove(queue: OwnerQueue): void {
    this.#lanes.updateReady(queue);
    this.#lanes.remove(queue);
    queue.owner.queue = undefined;
    if (this.#leaving.get(queue.owner.id) === queue) this.#leaving.delete(queue.owner.id);
  }

  #enqueue(owner: FrameOwner, frame: QueuedFrame): void {
    const queue = this.#queueOf(owner);
    queue.append(frame);
    this.#lanes.updateReady(queue);
    this.queuedBytes += frame.memory;
    this.#checkHardLimit();
  }

  #drain(): void {
    const writer = this.#writer;
    const lanes = this.#lanes;
    writer.refresh();
    do {
      // A full batch is sent without a flush, and may fill the socket.
      while (!writer.congested && lanes.ready > 0) this.#serve(lanes.next());
      writer.flush();
    } while (!writer.congested && lanes.ready > 0);
    if (writer.congested) return;
    lanes.cancelDebts();
    this.#payloads.release();
  }

  #serve(queue: OwnerQueue): void {
    this.#lanes.begin(queue);
    while (queue.first !== undefined && this.#maySend(queue)) {
      // Frames that were sent before a region frame leave before it, and may fill the socket.
      if (queue.first.region !== undefined && this.#batch.count > 0) this.#writer.flush();
      else this.#sendFirst(queue);
    }
    if (queue.wantsTurn && queue.first === undefined && this.#maySend(queue)) this.#giveTurn(queue);
    // The turn lasts until a region frame has been written: frames sent meanwhile go before the next region frame.
    if (!this.#writer.busy) this.#endTurn(queue);
  }

  #endTurn(queue: OwnerQueue): void {
    // The owner may have ended, and left the schedule, meanwhile.
    if (this.#closed || queue.owner.queue !== queue) return;
    if (!queue.ready && (queue.deficit > 0 || queue.owner.ended)) this.#remove(queue);
    else if (queue.deficit <= 0) this.#lanes.rotate(queue);
  }

  #maySend(queue: OwnerQueue): boolean {
    return !this.#writer.congested && this.#lanes.mayContinue(queue);
  }

  #giveTurn(queue: OwnerQueue): void {
    queue.wantsTurn = false;
    this.#lanes.updateReady(queue);
    this.#turn = queue;
    try {
      queue.owner.onWritable();
    } catch (error) {
      this.#options.onThrown(error);
    }
    this.#turn = undefined;
  }

  #sendFirst(queue: OwnerQueue): void {
    const { op, flags, seq, payload, opening, region, memory } = queue.removeFirst();
    this.queuedBytes -= memory;
    this.#lanes.updateReady(queue);
    if (region === undefined) {
      this.#lanes.charge(queue, payload.length + maxHeadBytes);
      this.#batch.add(queue.owner.id, op, flags, payload, seq, opening);
      return;
    }
    this.#lanes.charge(queue, region.prefix.length + region.length + maxHeadBytes);
    this.#writer.writeRegionFrame(queue.owner.id, op, seq, region, () => {
      this.#endTurn(queue);
      this.flush();
    });
  }

  readonly #checkHardLimit = (): void => {
    if (this.queuedBytes + this.#writer.heldBytes <= this.#options.hardLimit) return;
    const text = 'The other side does not read: more than four times maxSendQueueBytes is queued for it.';
    this.#options.onFault(new ProtocolError(`${text} Raise maxSendQueueBytes where this is intended.`));
  };
}
