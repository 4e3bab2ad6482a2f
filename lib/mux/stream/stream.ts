import type { GridError } from '../../errors.js';
import { guarded } from '../../guard.js';
import type { CreditWindow } from '../../limits.js';
import type { MeteredStream } from '../../metrics/open-streams.js';
import type { Opening } from '../../wire/encode.js';
import { decodeCredit, encodeCredit } from '../../wire/payloads/window-payloads.js';
import { emptyPayload, type MuxId } from '../../wire/frame.js';
import { Flag } from '../../wire/ops.js';
import type { RegionFrame, RegionWriter } from '../schedule/region-frame.js';
import { ReceiveWindow, type Overrun } from './credit.js';
import { Mux, type MuxHost } from '../mux.js';
import type { LaneName } from '../schedule/owner-queue.js';
import { SizeQueue } from './size-queue.js';
import { StreamCounter } from './stream-counter.js';
import type { ResponseSink } from '../unary.js';

/** The reference's error text with which a responder ends a stream whose caller sent an item that it must not send. */
export type InputRefusal = 'handler blocked' | 'did not expect inbound message';

/** Consumes one end of a stream, and feeds it. */
export interface StreamSink extends Pick<ResponseSink, 'route' | 'timeout'> {
  /** One item: a view into the received message. `release()` of the stream must be called once for each. */
  item(payload: Uint8Array): void;
  /** The other side half-closed: no more items follow. Only at the responder. */
  inputEnded(): void;
  /** The stream's `writable` may have become true. */
  writable(): void;
  /** This caller has an input, but the responder's route takes none. */
  inputIgnored?(): void;
  /** Only at the responder: the stream ends because the caller sent an item without credit, or to a route without input. */
  inputRefused?(reason: InputRefusal): void;
  /** The stream has ended. Called exactly once; without an error where the handler completed. */
  ended(error: GridError | undefined): void;
  /** After `ended`: settles once the handler has ended; undefined where it is not running any more. */
  readonly running?: PromiseLike<unknown> | undefined;
}

const detached: StreamSink = {
  route: 'a stream',
  item() {},
  inputEnded() {},
  writable() {},
  ended() {},
};

/**
 * One end of a stream: sequence numbers, credit in both directions, and the single end.
 *
 *     sending     open ──send (credit > 0)──▶ open ──last item──▶ sendEnded ──┐
 *     receiving   open ──take ──▶ held ──release──▶ open ──Eof──▶ receiveEnded ┴─▶ ended
 */
export abstract class StreamMux extends Mux implements MeteredStream {
  /** Credit of the sending direction, in items. */
  credit = 0;
  /** True after this side has sent its last item. */
  sendEnded = false;
  /** True after the other side has sent its last item. */
  receiveEnded = false;
  /** Bytes of the request and of its metadata, which the handler may hold; 0 at the caller. */
  requestBytes = 0;
  /** True while this stream's credit is to be sent at the end of the turn. */
  creditDue = false;
  /** True while this stream's credit is delayed by a round trip. */
  creditDelayed = false;

  /** What it has moved, and how it waits for credit. */
  readonly counts = new StreamCounter();

  protected sink: StreamSink = detached;
  protected readonly window: ReceiveWindow | undefined;
  protected readonly forget: (mux: StreamMux) => void;
  // Both directions begin with 0, which ConnectMux and AckMux carry.
  #sendSeq = 1;
  #receiveSeq = 1;
  // Items that the other side has not acknowledged. Undefined where it announced no bound in bytes.
  #unacknowledged: SizeQueue | undefined = undefined;
  #maxUnacknowledged = Infinity;
  // Size of the last item: the best estimate for the next one.
  #itemBytes = 0;

  protected abstract readonly dataOp: number;
  protected abstract readonly creditOp: number;

  constructor(host: MuxHost, id: MuxId, receives: CreditWindow | undefined, forget: (mux: StreamMux) => void) {
    super(host, id);
    this.window = receives === undefined ? undefined : new ReceiveWindow(receives, host.windows, host.turn);
    this.forget = forget;
  }

  /** Sets the sink of this end. Must be called before anything else happens on the stream. */
  attach(sink: StreamSink): void {
    this.sink = sink;
  }

  /** True where an item would be sent now. Where only the socket is full, the sink's `writable()` is called later. */
  get writable(): boolean {
    if (this.ended || this.sendEnded) return false;
    return this.wantedCredit > 0 && this.host.schedule.hasRoomFor(this);
  }

  /** As {@link available}, for a side that has an item to send: without credit, the stream counts as stalled from now on. */
  get wantedCredit(): number {
    const { available, counts } = this;
    if (available === 0 && counts.credited && counts.stalledSince === undefined) {
      this.host.stats.creditStalls++;
      counts.stall(this.host.turn.now());
    }
    return available;
  }

  /** Number of items that may be sent now: the credit, or 0 while too many bytes are unacknowledged. */
  get available(): number {
    const sent = this.#unacknowledged;
    if (sent === undefined || sent.bytes === 0) return this.credit;
    const room = this.#maxUnacknowledged - sent.bytes;
    return room > 0 && this.#itemBytes <= room ? this.credit : 0;
  }

  /** True where the other side announces its windows, so that neither side relies on a table of its own. */
  get announcesWindows(): boolean {
    return this.host.ackCapacity;
  }

  /** Items of the receiving window, as it is now; undefined where nothing is received. */
  get windowSize(): number | undefined {
    return this.window?.size;
  }

  /** Received items that the consumer has not released. */
  get held(): number {
    return this.window?.held ?? 0;
  }

  /** The time on the monotonic clock, in ms. */
  now(): number {
    return this.host.turn.now();
  }

  /** Sends one item and uses one credit. Ignored after the end; there must be credit. */
  send(payload: Uint8Array): void {
    if (this.ended || this.sendEnded) return;
    this.credit--;
    this.#count(payload.length);
    this.sendSequenced(this.dataOp, payload.length === 0 ? Flag.PayloadIsZero : 0, payload);
  }

  /** Sends one item that another component writes, and uses one credit. Ignored after the end; there must be credit. */
  sendRegionFrame(frame: RegionFrame): void {
    if (this.ended || this.sendEnded) return;
    this.credit--;
    this.#count(frame.prefix.length + frame.length);
    const seq = this.#sendSeq;
    this.#sendSeq = (seq + 1) >>> 0;
    this.host.schedule.sendRegionFrame(this, this.dataOp, seq, frame);
    this.host.turn.scheduleFlush();
  }

  /** Writes region frames; undefined where the transport has no way to do so. */
  get regionWriter(): RegionWriter | undefined {
    return this.host.schedule.regionWriter;
  }

  /** Size in bytes that the next region frame should not exceed. */
  get regionFrameBytes(): number {
    return Math.min(this.host.schedule.regionFrameBytes, this.host.limits.maxUnaryBytes);
  }

  /** The consumer has finished with one item: its credit returns to the sender. */
  release(): void {
    const { window } = this;
    if (window === undefined || window.held === 0) return;
    const { heldBytes } = window;
    const due = window.release();
    // Items that are held after the end are accounted for with the handler, if it is still running.
    if (!this.ended) this.host.account.remove(heldBytes - window.heldBytes);
    if (this.ended || this.receiveEnded) return;
    if (due && this.host.marks.buggify?.('credit is delayed') !== true) this.host.turn.oweCredit(this);
    else if (!this.creditDelayed && (due || window.isUrgent)) this.host.turn.delayCredit(this);
  }

  /** True where there are releases that have not been sent to the other side. */
  get owesCredit(): boolean {
    return !this.ended && !this.receiveEnded && this.window?.hasGrant === true;
  }

  /** Sends the owed credit. Called at the end of a turn. */
  sendCredit(): void {
    if (this.ended || this.receiveEnded) return;
    const window = this.window!;
    const { acknowledged } = window;
    const { windows, account } = this.host;
    const credits = window.takeGrant(account.isFull);
    if (account.isFull && window.owed > 0) this.host.turn.oweCreditWhenRoom(this);
    if (!windows.credits) {
      for (let count = 0; count < credits; count++) this.sendSequenced(this.creditOp, 0, emptyPayload);
    } else if (windows.bytes && credits !== acknowledged) {
      this.sendSequenced(this.creditOp, 0, encodeCredit(credits, acknowledged));
    } else if (credits > 0) {
      this.sendSequenced(this.creditOp, 0, credits === 1 ? emptyPayload : encodeCredit(credits));
    }
  }

  /** Accounts for one received item, before the sink gets it. Returns the bound that the item violates, if any. */
  protected take(payload: Uint8Array): Overrun | 'maxUnaryBytes' | 'maxReceiveBytes' | undefined {
    const { limits, account } = this.host;
    if (payload.length > limits.maxUnaryBytes) return 'maxUnaryBytes';
    if (account.isOverrun) return 'maxReceiveBytes';
    const overrun = this.window!.receive(payload.length);
    if (overrun === undefined) {
      account.add(payload.length);
      this.counts.received(payload.length);
    }
    return overrun;
  }

  /** The other side accepts this many unacknowledged bytes. */
  protected boundBytes(maxBytes: number): void {
    this.#unacknowledged ??= new SizeQueue();
    this.#maxUnacknowledged = maxBytes;
  }

  /** Handles the acknowledgement in a credit frame, and returns the number of credits that the frame grants. */
  protected creditsIn(payload: Uint8Array): number {
    if (payload.length === 0 || !this.host.windows.credits) {
      this.#unacknowledged?.drop(1);
      this.counts.acknowledged++;
      return 1;
    }
    const { credits, acknowledged } = decodeCredit(payload);
    this.#unacknowledged?.drop(acknowledged);
    this.counts.acknowledged += acknowledged;
    return credits;
  }

  /** Credit has arrived. Called before the sink is notified. */
  protected credited(): void {
    const { counts } = this;
    counts.credited = true;
    if (counts.stalledSince !== undefined && this.available > 0) counts.resume(this.host.turn.now());
  }

  #count(bytes: number): void {
    this.counts.sent(bytes);
    this.#itemBytes = bytes;
    this.#unacknowledged?.push(bytes);
  }

  /** Sends a frame with the next sequence number. */
  protected sendSequenced(op: number, flags: number, payload: Uint8Array, tail?: Opening): void {
    // Taken first: the sink of the message may send on this stream again.
    const seq = this.#sendSeq;
    this.#sendSeq = (seq + 1) >>> 0;
    this.host.schedule.send(this, op, flags, payload, seq, tail);
    this.host.turn.scheduleFlush();
  }

  /** Checks the sequence number of a received frame. False where there is a gap. */
  protected inSequence(seq: number): boolean {
    if (seq !== this.#receiveSeq) return false;
    this.#receiveSeq = (this.#receiveSeq + 1) >>> 0;
    return true;
  }

  /** The number that {@link inSequence} expects. */
  protected get expectedSeq(): number {
    return this.#receiveSeq;
  }

  /** Ends the mux and notifies the sink. */
  protected endWith(error: GridError | undefined): void {
    this.finish();
    this.forget(this);
    this.host.turn.forget(this);
    if (this.counts.stalledSince !== undefined) this.counts.resume(this.host.turn.now());
    const heldBytes = this.window?.heldBytes ?? 0;
    this.host.account.remove(heldBytes);
    try {
      this.sink.ended(error);
    } finally {
      // Even where a finalizer throws.
      const { running } = this.sink;
      if (running !== undefined) this.host.addRunningHandler(heldBytes + this.requestBytes, running);
    }
  }

  override get lane(): LaneName {
    return 'streams';
  }

  override onWritable(): void {
    // Called in a loop over all owners that wait for room.
    if (!this.ended) guarded(this.host.onThrown, notifyWritable, this.sink);
  }
}

// Created once, for guarded().
function notifyWritable(sink: StreamSink): void {
  sink.writable();
}
