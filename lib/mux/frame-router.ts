/**
 * Decides which mux a received frame belongs to.
 *
 *     frames of a responder ──▶ outgoing calls, by mux id ──▶ mux
 *                                └── no such mux ──▶ UnknownMux answers
 *     frames of a caller    ──▶ incoming side
 *     mux id 0 ──▶ the connection (handshake, keepalive)
 */

import { decodePong } from '../wire/payloads/control.js';
import type { FrameView } from '../wire/frame.js';
import { Op } from '../wire/ops.js';
import { CallerStream } from './stream/caller-stream.js';
import type { IncomingSide } from './incoming-side.js';
import type { OutgoingCalls } from './outgoing-calls.js';
import type { UnknownMux } from './unknown-mux.js';

/** What a {@link FrameRouter} hands frames to. */
export interface RouterParts {
  readonly outgoing: OutgoingCalls;
  readonly incoming: IncomingSide;
  readonly unknownMux: UnknownMux;
  readonly stats: { unknownOps: number };
  /** Takes a frame of the connection itself. */
  readonly onControl: (frame: FrameView) => void;
}

/** Finds the mux that a received frame is for. */
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
      case Op.ConnectMux:
      case Op.MuxClientMsg:
      case Op.UnblockSrvMux:
      case Op.DisconnectServerMux:
        this.#parts.incoming.route(frame);
        break;
      case Op.Ping:
        if (frame.muxId === 0) this.#parts.onControl(frame);
        else this.#parts.incoming.route(frame);
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

  #onPong(frame: FrameView): void {
    const mux = this.#parts.outgoing.get(frame.muxId);
    if (mux === undefined) this.#parts.unknownMux.answerResponder(frame);
    else if (mux instanceof CallerStream) {
      const pong = decodePong(frame.payload);
      mux.onPong(pong.unknown, pong.error);
    }
  }
}
