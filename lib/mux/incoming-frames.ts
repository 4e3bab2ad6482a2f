/**
 * Decides which call of the other side a frame of its caller belongs to.
 *
 *     Request, ConnectMux ──▶ IncomingCalls: a new call
 *     data, credit, Ping ───▶ ResponderStream, by mux id ──┐
 *     cancel ───────────────▶ mux, by mux id ──────────────┴── no such mux ──▶ UnknownMux answers
 */

import type { FrameView } from '../wire/frame.js';
import { Op } from '../wire/ops.js';
import { CancelBudget } from './cancel-budget.js';
import type { EngineOptions } from './engine-options.js';
import { IncomingCalls } from './incoming-calls.js';
import type { CreateIncomingSide, IncomingHost, IncomingSide } from './incoming-side.js';
import type { Mux } from './mux.js';
import { ResponderStream } from './stream/responder-stream.js';
import type { UnknownMux } from './unknown-mux.js';

/** The incoming side of an endpoint that has handlers, or may get some. */
export const answerCalls: CreateIncomingSide = (host, options, unknownMux) =>
  new IncomingFrames(host, options, unknownMux);

/** Passes the frames of callers at the other side to their calls. */
class IncomingFrames implements IncomingSide {
  readonly #host: IncomingHost;
  readonly #options: EngineOptions;
  readonly #calls: IncomingCalls;
  readonly #unknownMux: UnknownMux;
  /** How many calls the other side may still cancel. */
  readonly #cancels: CancelBudget;

  constructor(host: IncomingHost, options: EngineOptions, unknownMux: UnknownMux) {
    const { limits, runtime } = options;
    this.#host = host;
    this.#options = options;
    this.#calls = new IncomingCalls(host, options);
    this.#unknownMux = unknownMux;
    this.#cancels = new CancelBudget(limits.maxCancelsPerSecond, limits.maxOpenMuxes, runtime.now());
  }

  get size(): number {
    return this.#calls.size;
  }

  entries(): readonly Mux[] {
    return this.#calls.entries();
  }

  route(frame: FrameView): void {
    switch (frame.op) {
      case Op.Request:
        this.#calls.onRequest(frame);
        break;
      case Op.ConnectMux:
        this.#calls.onConnectMux(frame);
        break;
      case Op.DisconnectServerMux:
        this.#onCancel(frame);
        break;
      default:
        this.#toStream(frame);
    }
  }

  #toStream(frame: FrameView): void {
    const mux = this.#calls.get(frame.muxId);
    if (!(mux instanceof ResponderStream)) {
      this.#unknownMux.answerCaller(frame);
      return;
    }
    try {
      mux.onFrame(frame);
    } finally {
      // To have a stream ended by a fault costs the other side as little as to cancel it.
      if (mux.endedByFault) this.#takeCancel();
    }
  }

  // Takes one of the cancels that the other side may still make. False where it has made too many: the connection
  // closes.
  #takeCancel(): boolean {
    if (this.#cancels.take(this.#host.turn.now())) return true;
    this.#options.onFault(this.#cancels.fault);
    return false;
  }

  #onCancel(frame: FrameView): void {
    if (!this.#takeCancel()) return;
    const mux = this.#calls.get(frame.muxId);
    if (mux === undefined) this.#unknownMux.answerCaller(frame);
    else if (mux instanceof ResponderStream) mux.onFrame(frame);
    else mux.cancel();
  }
}
