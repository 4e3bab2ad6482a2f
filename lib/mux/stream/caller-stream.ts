/**
 * The caller's end of a stream.
 *
 *                ┌─────────── DisconnectClientMux, MuxConnectError, deadline, gap, cancel, loss ──────────┐
 *                │                                                                                        ▼
 *     opening ──AckMux──▶ open ──halfClose──▶ half-closed ───────────── MuxServerMsg Eof ─────────────▶ ended
 *        └─ halfClose may come before AckMux ──▲
 */

import { DeadlineExceededError, LimitError, ProtocolError, RemoteError, type GridError } from '../../errors.js';
import type { CreditWindow } from '../../limits.js';
import { decodeAck } from '../../wire/payloads/window-payloads.js';
import { emptyPayload, type FrameView, type MuxId } from '../../wire/frame.js';
import { Flag, Op } from '../../wire/ops.js';
import type { StreamOpening } from '../engine-options.js';
import { responderSlackMs, type MuxHost } from '../mux.js';
import { StreamMux } from './stream.js';
import { decodeText, refused, remoteError, timeoutText, tooLarge } from '../unary.js';

/** Upper bound of the credit: a peer that grants more gains nothing. */
const maxCredit = 0x7fff_ffff;

/** The caller's end of a stream. */
export class CallerStream extends StreamMux {
  protected override readonly dataOp = Op.MuxClientMsg;
  protected override readonly creditOp = Op.UnblockSrvMux;

  readonly #deadline: number;
  readonly #inCapacity: number;
  #acked = false;
  // Whether a frame arrived since the last ping, and the number of pings in a row without one.
  #frameArrived = true;
  #silentPings = 0;

  /**
   * The AckMux of a peer that announced `ack` overrides the `inCapacity` of the opening. `outWindow` is used instead of
   * its window.
   */
  constructor(
    host: MuxHost,
    id: MuxId,
    { inCapacity, deadline }: StreamOpening,
    outWindow: CreditWindow,
    forget: (mux: StreamMux) => void,
  ) {
    super(host, id, outWindow, forget);
    this.#inCapacity = inCapacity;
    this.#deadline = deadline;
    this.sendEnded = inCapacity === 0;
    this.#armTimer();
  }

  /** Sends the last frame of the input. The output goes on. */
  halfClose(): void {
    if (this.ended || this.sendEnded) return;
    this.sendEnded = true;
    this.sendSequenced(Op.MuxClientMsg, Flag.Eof, emptyPayload);
  }

  /** Cancels the stream: the handler is stopped, and the sink ends with `reason`. */
  cancel(reason: GridError): void {
    if (!this.ended) this.#fail(reason);
  }

  /** Any frame of the responder for this mux. */
  onFrame(frame: FrameView): void {
    this.#frameArrived = true;
    const { op, flags, payload } = frame;
    switch (op) {
      case Op.MuxServerMsg:
        this.#onData(frame);
        break;
      case Op.UnblockClMux:
        if (this.#checkSequence(frame.seq)) this.#addCredit(this.creditsIn(payload));
        break;
      case Op.AckMux:
        if (this.#acked) break;
        this.#acked = true;
        this.#onAck(payload);
        break;
      case Op.DisconnectClientMux:
        this.#drop();
        this.endWith(
          (flags & Flag.PayloadIsErr) !== 0 ? new RemoteError(decodeText(payload)) : this.#droppedByResponder(),
        );
        break;
      case Op.MuxConnectError: {
        const error = this.host.refused(refused(this.host, frame));
        this.#drop();
        this.endWith(error);
        break;
      }
      default:
    }
  }

  /** Handles a Pong of this mux. `unknown`: the responder does not know the mux. `error` ends it. */
  onPong(unknown: boolean, error: string | undefined): void {
    this.#frameArrived = true;
    if (!unknown && error === undefined) return;
    this.#drop();
    this.endWith(error === undefined ? this.#droppedByResponder() : new RemoteError(error));
  }

  override onTimer(now: number): void {
    if (now >= this.#deadline) {
      this.#fail(this.#deadlinePassed());
      return;
    }
    if (this.#frameArrived || this.host.mayBeUnread(this.host.limits.streamPingInterval)) this.#silentPings = 0;
    if (this.#silentPings >= 2) {
      this.host.marks.sometimes?.('a silent responder of a stream was given up');
      this.#fail(this.host.disconnected(true));
      return;
    }
    this.#frameArrived = false;
    this.#silentPings++;
    this.sendSequenced(Op.Ping, 0, emptyPayload);
    this.#armTimer();
  }

  override disconnect(): void {
    const sent = this.#opened;
    this.endWith(this.host.disconnected(sent));
  }

  #deadlinePassed(): DeadlineExceededError {
    const text = `The deadline of ${this.sink.route}${timeoutText(this.sink)} passed before the stream ended.`;
    return new DeadlineExceededError(text, { sent: this.#opened });
  }

  // The responder has dropped the stream without a reason. Its timer runs for the same deadline, and at a reference
  // peer it fires first in a third of all cases.
  #droppedByResponder(): GridError {
    const isDeadline = this.#deadline - this.host.turn.now() <= responderSlackMs;
    return isDeadline ? this.#deadlinePassed() : this.host.disconnected(true);
  }

  get #opened(): boolean {
    return this.host.schedule.waitingOp(this) !== Op.ConnectMux;
  }

  #armTimer(): void {
    const now = this.host.turn.now();
    const interval = this.host.limits.streamPingInterval;
    // A stream that ends before its first ping is due sends none.
    this.host.wheel.add(this, Math.min(this.#deadline, now + interval));
  }

  #onData(frame: FrameView): void {
    const { seq, flags, payload } = frame;
    if (!this.#checkSequence(seq)) return;
    if ((flags & Flag.PayloadIsErr) !== 0) {
      const error = remoteError(this.host, frame);
      this.receiveEnded = true;
      this.#drop();
      this.endWith(error);
      return;
    }
    const last = (flags & Flag.Eof) !== 0;
    if (!last || payload.length > 0 || (flags & Flag.PayloadIsZero) !== 0) {
      const overrun = this.take(payload);
      if (overrun !== undefined && !(last && overrun === 'items')) {
        this.host.marks.sometimes?.('an item of a responder exceeded its bound');
        this.#fail(this.#overrun(overrun, payload));
        return;
      }
      this.receiveEnded = last;
      this.sink.item(payload);
    }
    if (last && !this.ended) {
      this.receiveEnded = true;
      this.#drop();
      this.endWith(undefined);
    }
  }

  #overrun(overrun: NonNullable<ReturnType<CallerStream['take']>>, payload: Uint8Array): GridError {
    const { limits, account } = this.host;
    const { route } = this.sink;
    switch (overrun) {
      case 'maxUnaryBytes':
        return tooLarge(route, 'item', payload, limits.maxUnaryBytes);
      case 'maxReceiveBytes':
        return new LimitError(
          `${route}: ${String(account.bytes)} bytes of this connection wait to be consumed, four times maxReceiveBytes. Consume faster, open fewer streams, or raise it.`,
          'maxReceiveBytes',
        );
      default:
        return new ProtocolError(
          `${route}: the other side sent more ${overrun} than the window of ${String(this.window!.size)} items holds. Declare the same outCapacity at both ends.`,
        );
    }
  }

  #onAck(payload: Uint8Array): void {
    const ack = this.host.ackCapacity && payload.length > 0 ? decodeAck(payload) : undefined;
    if (ack !== undefined && this.host.windows.bytes) {
      if (ack.inBytes !== undefined) this.boundBytes(ack.inBytes);
      this.window!.limit(ack.out ?? Infinity, ack.outBytes ?? Infinity);
    }
    // Called before the credit is added: the sink may end the stream.
    if (ack?.in === 0 && this.#inCapacity > 0) this.sink.inputIgnored?.();
    if (!this.sendEnded) this.#addCredit(ack?.in ?? this.#inCapacity);
  }

  #checkSequence(seq: number): boolean {
    if (this.inSequence(seq)) return true;
    this.#fail(
      new ProtocolError(
        `${this.sink.route}: out-of-sequence item received: want ${String(this.expectedSeq)}, got ${String(seq)}.`,
      ),
    );
    return false;
  }

  #addCredit(count: number): void {
    this.credit = Math.min(this.credit + count, maxCredit);
    this.credited();
    if (!this.sendEnded) this.sink.writable();
  }

  // Queued frames are of no use to a stream that the responder has ended.
  #drop(): void {
    this.host.schedule.purge(this);
  }

  #fail(error: GridError): void {
    const opened = this.#opened;
    this.#drop();
    if (opened) this.host.sendDisconnect(this.id, Op.DisconnectServerMux);
    this.endWith(error);
  }
}
