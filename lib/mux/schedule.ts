/**
 * What is sent next: the one place that decides it, for all muxes of a connection.
 *
 *     sendControl ─────────────────────────────────────────────────────────┐
 *     send ── nothing waits, and the socket keeps up ──────────────────────┤
 *       └──── else: a frame of the owner ─────┐                            ▼
 *     hasRoomFor ── refused: a turn is due ──┐│                          batch ──flush──▶ socket
 *     sendRegionFrame ── a frame that        ││                            ▲                ▲
 *         another component writes ─────────┐││                            │                │
 *                                           ▼▼▼                            │                │
 *                 place ──▶ lane of calls     A ▸ B ▸ C ▸ …  ──┐ one turn  │                │
 *                       └─▶ lane of streams   D ▸ E ▸ D ▸ …  ──┴─ each ────┴── region frame ──┘
 *
 * An owner (one end of a mux) has a place while it has something to send:
 *
 *     none ──send, sendRegionFrame, hasRoomFor──▶ ready ──its turn: frames, then onWritable──▶ ready, at the end of the ring
 *      ▲                                           │  └──────── nothing more to send ──▶ in debt ──debt paid──▶ none
 *      └── purge, leave, last frame gone ──────────┘
 *
 * Deficit round robin by bytes, twice: between the lanes, and among the owners of one lane. A turn is worth
 * `quantumBytes`. It ends when the owner has sent as much; what it sent beyond, since frames are whole and the size of
 * one that is made on request is known only afterwards, is a debt, for which later turns pass it by. An owner in debt
 * keeps its place though it has nothing to send, or one that sends a large frame at a time would never pay. When nothing
 * waits any more, debts are forgiven. Calls leave in the order in which they came.
 *
 * Two lanes, because a call is an owner with one frame: in a single ring a stream beside 1 500 calls would have
 * a 1 500th of the connection. With two, each lane has half, and each owner at least half of what one ring gives it.
 */

import { ProtocolError } from '../errors.js';
import type { Batch } from '../wire/batch.js';
import type { Checksum } from '../wire/checksum.js';
import { maxHeadBytes, type Opening } from '../wire/encode.js';
import { emptyPayload, type MuxId } from '../wire/frame.js';
import type { RegionFrame, RegionWriter } from './region-frame.js';
import { Lanes } from './lane.js';
import { MessageWriter, type MessageSink } from './message-writer.js';
import { PayloadStore } from './payload-store.js';
import { OwnerQueue, QueuedFrame, queuedFrameBytes, type FrameOwner, type LaneName } from './owner-queue.js';

/** What a {@link Schedule} is made of. */
export interface ScheduleOptions {
  readonly sink: MessageSink;
  /** Undefined: messages go out without a checksum. */
  readonly checksum: Checksum | undefined;
  /** Bytes in the socket and here together at which the other side counts as not reading: `onFault` is then called. */
  readonly hardLimit: number;
  readonly onFault: (error: ProtocolError) => void;
  /** An owner threw in its turn. The others have theirs all the same. */
  readonly onThrown: (error: unknown) => void;
  /** The time in ms. */
  readonly now: () => number;
}

/** See the head of this file. */
export class Schedule {
  /** Memory of the frames that wait here, in bytes. */
  queuedBytes = 0;

  readonly #options: ScheduleOptions;
  readonly #writer: MessageWriter;
  readonly #batch: Batch;
  readonly #payloads = new PayloadStore();
  readonly #lanes = new Lanes();
  // Whose turn it is to make frames on request.
  #turn: OwnerQueue | undefined = undefined;
  // Responders that have ended and whose last frames wait, by the mux ids of the other side.
  readonly #leaving = new Map<MuxId, OwnerQueue>();
  #draining = false;
  #closed = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    const { sink, checksum, now } = options;
    this.#writer = new MessageWriter(sink, checksum, now, () => {
      this.#checkHardLimit();
    });
    this.#batch = this.#writer.batch;
  }

  /** Writes region frames; undefined where the sink does not. */
  get regionWriter(): RegionWriter | undefined {
    return this.#writer.regionWriter;
  }

  /** Bytes that the next region frame should have at most. */
  get regionFrameBytes(): number {
    return this.#writer.regionFrameBytes;
  }

  /** Sends a frame of a mux: at once where nothing waits, else when its turn comes. `opening`: of a frame that opens it. */
  send(owner: FrameOwner, op: number, flags: number, payload: Uint8Array, seq = 0, opening?: Opening): void {
    if (this.#writer.congested || this.#lanes.ready !== 0) {
      if (!this.#isTurnOf(owner)) {
        this.#enqueue(owner, new QueuedFrame(op, flags, this.#payloads.keep(payload), seq, opening, undefined));
        return;
      }
      this.#lanes.charge(this.#turn!, payload.length + maxHeadBytes);
    }
    this.#batch.add(owner.id, op, flags, payload, seq, opening);
  }

  /**
   * Sends a frame whose payload another component writes, when its turn comes. It carries no checksum: its bytes are not
   * read here.
   */
  sendRegionFrame(owner: FrameOwner, op: number, seq: number, region: RegionFrame): void {
    this.#enqueue(owner, new QueuedFrame(op, 0, emptyPayload, seq, undefined, region));
  }

  /** Sends a frame of the connection, or one that answers a stray: before everything that waits. */
  sendControl(muxId: MuxId, op: number, flags: number, payload: Uint8Array, seq = 0, opening?: Opening): void {
    this.#batch.add(muxId, op, flags, payload, seq, opening);
  }

  /** True where a frame of this owner would go out at once; else the owner has a turn, with `onWritable`, when it would. */
  hasRoomFor(owner: FrameOwner): boolean {
    if (!this.#writer.congested) {
      if (this.#lanes.ready === 0) return true;
      if (this.#isTurnOf(owner) && this.#lanes.mayGoOn(this.#turn!)) return true;
    }
    const queue = this.#queueOf(owner);
    queue.asked = true;
    this.#lanes.count(queue);
    return false;
  }

  /** True where a frame with so large a payload would have to wait, and more than `maxBytes` would wait then. */
  isFullFor(payloadBytes: number, maxBytes: number): boolean {
    const waits = this.#writer.congested || this.queuedBytes > 0;
    return waits && this.queuedBytes + payloadBytes + queuedFrameBytes > maxBytes;
  }

  /** The op of the owner's oldest frame that has not gone out, or that had not when the schedule closed. */
  waitingOp(owner: FrameOwner): number | undefined {
    return owner.queue?.first?.op;
  }

  /** Takes back what has not gone out. True where there was something. */
  purge(owner: FrameOwner): boolean {
    const { queue } = owner;
    if (queue === undefined || this.#closed) return false;
    const found = queue.first !== undefined;
    for (let frame = queue.first; frame !== undefined; frame = frame.next) this.queuedBytes -= frame.memory;
    queue.first = undefined;
    queue.last = undefined;
    queue.asked = false;
    this.#remove(queue);
    return found;
  }

  /**
   * The owner has ended: it has no turn of its own any more. What waits of it goes out, unless it is taken back.
   * `incoming`: the other side opened the mux, and may ask for what waits by its id.
   */
  leave(owner: FrameOwner, incoming: boolean): void {
    const { queue } = owner;
    if (queue === undefined || this.#closed) return;
    queue.asked = false;
    if (!queue.ready) this.#remove(queue);
    else if (incoming) this.#leaving.set(owner.id, queue);
  }

  /** True where the last frames of a responder that has ended still wait. */
  isLeaving(muxId: MuxId): boolean {
    return this.#leaving.has(muxId);
  }

  /** Takes back what waits of a responder that has ended. The result is its lane, where there was something. */
  takeBack(muxId: MuxId): LaneName | undefined {
    const owner = this.#leaving.get(muxId)?.owner;
    return owner !== undefined && this.purge(owner) ? owner.lane : undefined;
  }

  /** Gives the batch to the socket, and then what waits, as far as the socket takes it. */
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

  /** Forgets everything. Nothing leaves any more, whatever is sent. */
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
    const { owner } = queue;
    this.#lanes.count(queue);
    this.#lanes.remove(queue);
    owner.queue = undefined;
    if (this.#leaving.get(owner.id) === queue) this.#leaving.delete(owner.id);
  }

  #enqueue(owner: FrameOwner, frame: QueuedFrame): void {
    const queue = this.#queueOf(owner);
    if (queue.last === undefined) queue.first = frame;
    else queue.last.next = frame;
    queue.last = frame;
    this.#lanes.count(queue);
    this.queuedBytes += frame.memory;
    this.#checkHardLimit();
  }

  #drain(): void {
    const writer = this.#writer;
    const lanes = this.#lanes;
    writer.refresh();
    do {
      // A full batch goes out by itself, and may fill the socket.
      while (!writer.congested && lanes.ready > 0) this.#serve(lanes.next());
      writer.flush();
    } while (!writer.congested && lanes.ready > 0);
    if (writer.congested) return;
    // Nothing waits: the connection has room for all.
    lanes.forgive();
    this.#payloads.release();
  }

  #serve(queue: OwnerQueue): void {
    this.#lanes.begin(queue);
    while (queue.first !== undefined && this.#maySend(queue)) {
      // What was sent before a region frame leaves before it, and may fill the socket.
      if (queue.first.region !== undefined && this.#batch.count > 0) this.#writer.flush();
      else this.#sendFirst(queue);
    }
    if (queue.asked && queue.first === undefined && this.#maySend(queue)) this.#giveTurn(queue);
    // A region frame that is still being written is within the turn: what comes meanwhile goes before the next one.
    if (!this.#writer.busy) this.#endTurn(queue);
  }

  #endTurn(queue: OwnerQueue): void {
    // The owner may have ended, and left, meanwhile.
    if (this.#closed || queue.owner.queue !== queue) return;
    if (!queue.ready && (queue.deficit > 0 || queue.owner.ended)) this.#remove(queue);
    else if (queue.deficit <= 0) this.#lanes.rotate(queue);
  }

  #maySend(queue: OwnerQueue): boolean {
    return !this.#writer.congested && this.#lanes.mayGoOn(queue);
  }

  #giveTurn(queue: OwnerQueue): void {
    queue.asked = false;
    this.#lanes.count(queue);
    this.#turn = queue;
    try {
      queue.owner.onWritable();
    } catch (error) {
      this.#options.onThrown(error);
    }
    this.#turn = undefined;
  }

  #sendFirst(queue: OwnerQueue): void {
    const frame = queue.first!;
    const { op, flags, seq, payload, opening, region } = frame;
    this.queuedBytes -= frame.memory;
    queue.first = frame.next;
    if (frame.next === undefined) queue.last = undefined;
    this.#lanes.count(queue);
    const { id } = queue.owner;
    if (region === undefined) {
      this.#lanes.charge(queue, payload.length + maxHeadBytes);
      this.#batch.add(id, op, flags, payload, seq, opening);
      return;
    }
    this.#lanes.charge(queue, region.prefix.length + region.length + maxHeadBytes);
    this.#writer.writeRegionFrame(id, op, seq, region, () => {
      this.#endTurn(queue);
      this.flush();
    });
  }

  #checkHardLimit(): void {
    if (this.queuedBytes + this.#writer.heldBytes <= this.#options.hardLimit) return;
    this.#options.onFault(
      new ProtocolError(
        'The other side does not read: more than four times maxSendQueueBytes wait for it. Raise maxSendQueueBytes if that is meant.',
      ),
    );
  }
}
