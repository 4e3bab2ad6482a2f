/**
 * The responder's end of a stream.
 *
 *     input    open ──MuxClientMsg Eof, or Eof on ConnectMux──▶ ended
 *     output   open ──complete | fail──▶ ending (waits for one credit) ──Eof, DisconnectClientMux──▶ ended
 *
 *     A protocol fault, a cancel, the deadline and the loss of the connection end both at once.
 */

import { CancelledError, DeadlineExceededError, ProtocolError, withoutStack, type GridError } from '../../errors.js';
import { defaultWindow, type CreditWindow } from '../../limits.js';
import { encodePong } from '../../wire/payloads/control.js';
import { emptyPayload, type FrameView, type MuxId } from '../../wire/frame.js';
import { Flag, Op } from '../../wire/ops.js';
import { exhausted, type CallError } from '../../wire/payloads/call-error.js';
import type { OutputWindow } from '../../wire/payloads/opening-extra.js';
import { encodeAck, type Ack } from '../../wire/payloads/window-payloads.js';
import { responderSlackMs, type MuxHost } from '../mux.js';
import { StreamMux, type InputRefusal } from './stream.js';
import { encodeText, errorTail } from '../unary.js';

/** Number of intervals without a Ping after which the caller is considered lost: wire protocol, section 5. */
const maxSilentIntervals = 4;

const bytesOf = (window: CreditWindow): number => window.maxBytes ?? defaultWindow.maxBytes;

/** What a ConnectMux asks for, and the windows of the route that it opens. */
export interface StreamOpening {
  readonly id: MuxId;
  /** Of the caller's input; undefined for a route without one. */
  readonly inWindow: CreditWindow | undefined;
  readonly outWindow: CreditWindow;
  /** The caller's part of the output window, where both sides announced that extension. */
  readonly callerWindow: OutputWindow | undefined;
  /** On the monotonic clock, in ms; Infinity for none. */
  readonly deadline: number;
  /** False where the frame has the flag Eof: the caller sends no input. */
  readonly callerHasInput: boolean;
}

/** The responder's end of a stream. */
export class ResponderStream extends StreamMux {
  protected override readonly dataOp = Op.MuxServerMsg;
  protected override readonly creditOp = Op.UnblockClMux;

  /** The caller's deadline on the monotonic clock, in ms; Infinity for none. */
  readonly deadline: number;

  /** True where the caller has an input, but the route of this side has none. */
  readonly ignoresInput: boolean;

  /** True after the caller has violated the protocol, or a bound, on this stream. */
  endedByFault = false;

  readonly #maxCredit: number;
  readonly #outWindow: CreditWindow;
  // The handler has ended; undefined text: it completed.
  #ending = false;
  #errorText: string | undefined = undefined;
  #error: CallError | undefined = undefined;
  #pinged = false;
  #silentIntervals = 0;

  constructor(host: MuxHost, opening: StreamOpening, forget: (mux: StreamMux) => void) {
    const { id, inWindow, outWindow, callerWindow, deadline, callerHasInput } = opening;
    super(host, id, inWindow, forget);
    this.ignoresInput = callerHasInput && inWindow === undefined;
    // Credit saturates, so that a caller that grants too much gains nothing.
    this.#maxCredit = host.windows.credits ? outWindow.max : outWindow.initial;
    this.credit = callerWindow === undefined ? outWindow.initial : Math.min(callerWindow.items, outWindow.max);
    if (callerWindow !== undefined) this.boundBytes(Math.min(callerWindow.bytes, bytesOf(outWindow)));
    this.counts.credited = true;
    this.#outWindow = outWindow;
    this.deadline = deadline;
    this.receiveEnded = inWindow === undefined;
    this.#armTimer();
  }

  /** Sends AckMux: the stream is open. It carries the windows where both sides announced that extension. */
  acknowledge(inWindow: CreditWindow | undefined): void {
    const { ackCapacity, windows } = this.host;
    const ack: Ack = { in: inWindow?.initial ?? 0 };
    const out = this.#outWindow;
    const both = { ...ack, inBytes: inWindow && bytesOf(inWindow), out: out.max, outBytes: bytesOf(out) };
    const payload = ackCapacity ? encodeAck(windows.bytes ? both : ack) : emptyPayload;
    this.host.schedule.send(this, Op.AckMux, 0, payload);
    this.host.turn.scheduleFlush();
  }

  /** The handler has produced its last item. */
  complete(): void {
    this.#end(undefined);
  }

  /** The handler failed: its text, and beside it what a peer gets that announced `err`. */
  fail(text: string, error?: CallError): void {
    this.#end(text, error);
  }

  /** The input is complete: ConnectMux carried Eof although the route has input. */
  closeInput(): void {
    if (this.receiveEnded || this.ended) return;
    this.receiveEnded = true;
    this.sink.inputEnded();
  }

  /** Any frame of the caller for this mux except ConnectMux. */
  onFrame(frame: FrameView): void {
    const { op, seq } = frame;
    switch (op) {
      case Op.MuxClientMsg:
        if (this.#checkSequence(seq)) this.#onData(frame.flags, frame.payload);
        break;
      case Op.UnblockSrvMux:
        if (this.#checkSequence(seq)) this.#onCredit(this.creditsIn(frame.payload));
        break;
      case Op.Ping:
        if (!this.#checkSequence(seq)) break;
        this.#pinged = true;
        this.host.schedule.sendControl(
          this.id,
          Op.Pong,
          0,
          encodePong({ unknown: false, error: undefined, time: undefined }),
          seq,
          { deadlineMs: frame.deadlineMs, handler: 0 },
        );
        this.host.turn.scheduleFlush();
        break;
      case Op.DisconnectServerMux:
        this.#abort(
          withoutStack(() => new CancelledError('The caller cancelled the stream.')),
          true,
        );
        break;
      default:
    }
  }

  override onTimer(now: number): void {
    if (now >= this.deadline + responderSlackMs) {
      this.#abort(
        withoutStack(() => new DeadlineExceededError('The deadline of the stream passed.')),
        true,
      );
      return;
    }
    const { streamPingInterval } = this.host.limits;
    const isHeard = this.#pinged || this.host.mayBeUnread(streamPingInterval);
    this.#silentIntervals = isHeard ? 0 : this.#silentIntervals + 1;
    this.#pinged = false;
    if (this.#silentIntervals >= maxSilentIntervals) {
      this.host.marks.sometimes?.('a silent caller of a stream was given up');
      this.#abort(this.host.disconnected(true), true);
    } else this.#armTimer();
  }

  override disconnect(): void {
    this.#abort(this.host.connectionLost, false);
  }

  #armTimer(): void {
    const { wheel, limits } = this.host;
    wheel.add(this, Math.min(this.deadline + responderSlackMs, this.host.turn.now() + limits.streamPingInterval));
  }

  #onData(flags: number, payload: Uint8Array): void {
    if (this.receiveEnded) {
      this.#refuseInput('did not expect inbound message');
    } else if ((flags & Flag.Eof) !== 0) {
      this.receiveEnded = true;
      this.sink.inputEnded();
    } else {
      const overrun = this.take(payload);
      if (overrun === undefined) this.sink.item(payload);
      else if (overrun.startsWith('max')) this.#fault(`${overrun} of the responder is exceeded`, exhausted(overrun));
      else this.#refuseInput('handler blocked');
    }
  }

  #refuseInput(reason: InputRefusal): void {
    this.host.marks.sometimes?.('the input of a stream was refused');
    this.sink.inputRefused?.(reason);
    this.#fault(reason);
  }

  #onCredit(count: number): void {
    this.credit = Math.min(this.credit + count, this.#maxCredit);
    this.credited();
    if (!this.#ending) this.sink.writable();
    // A frame that only acknowledges grants no credit.
    else if (this.credit > 0) this.#sendEnd();
  }

  #checkSequence(seq: number): boolean {
    if (this.inSequence(seq)) return true;
    this.#fault(`receive sequence number mismatch. want ${String(this.expectedSeq)}, got ${String(seq)}`);
    return false;
  }

  #end(errorText: string | undefined, error?: CallError): void {
    if (this.ended || this.#ending) return;
    this.#ending = true;
    this.#errorText = errorText;
    this.#error = error;
    this.sendEnded = true;
    if (this.credit > 0) this.#sendEnd();
    else this.host.marks.sometimes?.('the end of a stream waited for credit');
  }

  // The end uses a credit, as an item does, so it arrives when the consumer is ready for it.
  #sendEnd(): void {
    this.credit--;
    this.#sendLast(this.#errorText, this.#error);
    this.endWith(undefined);
  }

  // A protocol fault uses no credit: a caller accepts one Eof beyond its window.
  #fault(text: string, error: CallError = { code: 'internal' }): void {
    this.endedByFault = true;
    this.#sendLast(text, error);
    this.endWith(new ProtocolError(`${this.sink.route}: ${text}`));
  }

  #sendLast(errorText: string | undefined, error?: CallError): void {
    if (errorText === undefined) this.sendSequenced(Op.MuxServerMsg, Flag.Eof, emptyPayload);
    else {
      const flags = Flag.Eof | Flag.PayloadIsErr;
      this.sendSequenced(Op.MuxServerMsg, flags, encodeText(errorText), errorTail(this.host, error));
    }
    this.host.schedule.send(this, Op.DisconnectClientMux, 0, emptyPayload);
  }

  #abort(reason: GridError, notifyCaller: boolean): void {
    this.host.schedule.purge(this);
    if (notifyCaller) this.host.sendDisconnect(this.id, Op.DisconnectClientMux);
    this.endWith(reason);
  }
}
