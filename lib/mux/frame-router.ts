/**
 * Decides which mux a received frame belongs to.
 *
 *     frames of a responder ──▶ outgoing calls, by mux id ──┬──▶ mux
 *     frames of a caller    ──▶ incoming calls, by mux id ──┘
 *                                └── no such mux ──▶ UnknownMux answers
 *     mux id 0 ──▶ the connection (handshake, keepalive)
 */

import type { ProtocolError } from '../errors.js';
import { decodePong } from '../wire/payloads/control.js';
import type { FrameView } from '../wire/frame.js';
import { Op } from '../wire/ops.js';
import { CallerStream } from './stream/caller-stream.js';
import type { CancelBudget } from './cancel-budget.js';
import type { IncomingCalls } from './incoming-calls.js';
import type { OutgoingCalls } from './outgoing-calls.js';
import { ResponderStream } from './stream/responder-stream.js';
import type { UnknownMux } from './unknown-mux.js';

/** What a {@link FrameRouter} hands frames to. */
export interface RouterParts {
  readonly outgoing: OutgoingCalls;
  readonly incoming: IncomingCalls;
  readonly unknownMux: UnknownMux;
  /** How many calls the other side may still cancel. */
  readonly cancels: CancelBudget;
  /** The time on the monotonic clock, in ms. */
  readonly now: () => number;
  readonly stats: { unknownOps: number };
  /** Takes a frame of the connection itself. */
  readonly onControl: (frame: FrameView) => void;
  /** The other side cancels too many calls: the connection must close. */
  readonly onFault: (error: ProtocolError) => void;
}

/** See the head of this file. */
export class FrameRouter {
  readonly #parts: RouterParts;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /** Hands one frame to its mux. */
  readonly route = (frame: FrameView): void => {
    switch (frame.op) {
      case Op.Response:
      case Op.MuxServerMsg:
      case Op.UnblockClMux:
      case Op.AckMux:
      case Op.MuxConnectError:
      case Op.DisconnectClientMux: {
        const mux = this.#parts.outgoing.get(frame.muxId);
        if (mux === undefined) this.#parts.unknownMux.answerResponder(frame);
        else mux.onFrame(frame);
        break;
      }
      case Op.Request:
        this.#parts.incoming.onRequest(frame);
        break;
      case Op.ConnectMux:
        this.#parts.incoming.onConnectMux(frame);
        break;
      case Op.MuxClientMsg:
      case Op.UnblockSrvMux:
        this.#toResponderStream(frame);
        break;
      case Op.DisconnectServerMux:
        this.#onCancel(frame);
        break;
      case Op.Ping:
        if (frame.muxId === 0) this.#parts.onControl(frame);
        else this.#toResponderStream(frame);
        break;
      case Op.Pong:
        if (frame.muxId === 0) this.#parts.onControl(frame);
        else this.#onPong(frame);
        break;
      case Op.Connect:
      case Op.ConnectResponse:
      case Op.Disconnect:
        this.#parts.onControl(frame);
        break;
      default:
        this.#parts.stats.unknownOps++;
    }
  };

  #toResponderStream(frame: FrameView): void {
    const mux = this.#parts.incoming.get(frame.muxId);
    if (!(mux instanceof ResponderStream)) {
      this.#parts.unknownMux.answerCaller(frame);
      return;
    }
    try {
      mux.onFrame(frame);
    } finally {
      // To have a stream ended by a fault costs the other side as little as to cancel it.
      if (mux.endedByFault) this.#takeCancel();
    }
  }

  // Takes one of the cancels that the other side may still make. False where it has made too many: the connection closes.
  #takeCancel(): boolean {
    const { cancels, now, onFault } = this.#parts;
    if (cancels.take(now())) return true;
    onFault(cancels.fault);
    return false;
  }

  #onCancel(frame: FrameView): void {
    if (!this.#takeCancel()) return;
    const mux = this.#parts.incoming.get(frame.muxId);
    if (mux === undefined) this.#parts.unknownMux.answerCaller(frame);
    else if (mux instanceof ResponderStream) mux.onFrame(frame);
    else mux.cancel();
  }

  #onPong(frame: FrameView): void {
    const mux = this.#parts.outgoing.get(frame.muxId);
    if (mux === undefined) this.#parts.unknownMux.answerResponder(frame);
    else if (mux instanceof CallerStream) {
      const pong = decodePong(frame.payload);
      mux.onPong(pong.unknown, pong.error);
    }
  }
}
