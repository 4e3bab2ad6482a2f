/**
 * The calls that the other side makes: each is opened with its route's responder, or refused.
 *
 *     Request, ConnectMux ──▶ duplicate? ──▶ route? ──▶ room? ──▶ responder
 *                               └ ignored      └──────────┴──▶ MuxConnectError
 */

import { encodeConnectError } from '../wire/control.js';
import type { FrameView, MuxId } from '../wire/frame.js';
import { Flag, Op } from '../wire/ops.js';
import { decodeOpening } from '../wire/window-payloads.js';
import type { EngineOptions, Responder } from './engine-options.js';
import { responderSlackMs, type Mux, type MuxHost } from './mux.js';
import { MuxTable } from './mux-table.js';
import { ResponderStream } from './responder-stream.js';
import { UnaryResponder } from './unary.js';

/** What incoming calls need from their engine. */
export interface IncomingHost extends MuxHost {
  readonly stats: MuxHost['stats'] & { callsIn: number; strays: number };
}

/** Flags that a MuxConnectError repeats: those that say nothing of what follows the tuple, and that the protocol knows. */
const refusedFlags = Flag.Eof | Flag.Stateless | Flag.PayloadIsErr | Flag.PayloadIsZero;

/** See the head of this file. */
export class IncomingCalls {
  readonly #host: IncomingHost;
  readonly #options: EngineOptions;
  readonly #table = new MuxTable<UnaryResponder | ResponderStream>();

  constructor(host: IncomingHost, options: EngineOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Calls that are open. */
  get size(): number {
    return this.#table.size;
  }

  /** The call with this id, if it is open. */
  get(id: MuxId): UnaryResponder | ResponderStream | undefined {
    return this.#table.get(id);
  }

  /** All open calls. */
  entries(): (UnaryResponder | ResponderStream)[] {
    return this.#table.entries();
  }

  /** A unary call begins. */
  onRequest(frame: FrameView): void {
    const responder = this.#findResponder(frame, 'unary');
    if (responder?.kind !== 'unary') return;
    const { payload } = frame;
    const deadline = this.#host.now() + frame.deadlineMs;
    const mux = new UnaryResponder(
      this.#host,
      frame.muxId,
      frame.seq,
      frame.deadlineMs === 0 ? Infinity : deadline,
      this.#forget,
    );
    this.#table.add(mux);
    if (frame.deadlineMs !== 0) this.#host.wheel.add(mux, deadline + responderSlackMs);
    responder.respond(mux, payload, this.#options.caller);
  }

  /** A stream begins. */
  onConnectMux(frame: FrameView): void {
    const responder = this.#findResponder(frame, 'duplex');
    if (responder?.kind !== 'duplex') return;
    const { payload, flags, extra } = frame;
    const deadline = frame.deadlineMs === 0 ? Infinity : this.#host.now() + frame.deadlineMs;
    const { inWindow, outWindow } = responder;
    const opening = this.#host.windows.bytes && extra !== undefined ? decodeOpening(extra) : undefined;
    const mux = new ResponderStream(this.#host, frame.muxId, inWindow, outWindow, opening, deadline, this.#forget);
    this.#table.add(mux);
    mux.acknowledge(inWindow);
    responder.open(mux, payload, this.#options.caller);
    if ((flags & Flag.Eof) !== 0) mux.closeInput();
  }

  // Undefined: the call was refused, or is a duplicate.
  #findResponder(frame: FrameView, kind: Responder['kind']): Responder | undefined {
    if (this.#table.get(frame.muxId) !== undefined) {
      this.#host.stats.strays++;
      return undefined;
    }
    this.#host.stats.callsIn++;
    const found = this.#options.find(frame.handler, frame.subroute);
    let refusal: string;
    if (typeof found === 'string') refusal = found;
    else if (found.kind !== kind) {
      refusal = `Handler ${String(frame.handler)} is ${found.kind}; call it as such.`;
    } else if ((frame.flags & Flag.Stateless) !== 0) refusal = 'Stateless streams not supported';
    else if (this.#table.size >= this.#host.limits.maxOpenMuxes) {
      refusal = `${String(this.#host.limits.maxOpenMuxes)} calls are open on this connection (maxOpenMuxes).`;
    } else return found;
    // The refusal repeats what it refuses, but for the flags of what follows the tuple.
    const { muxId, seq, deadlineMs, handler } = frame;
    const flags = frame.flags & refusedFlags;
    this.#host.schedule.sendControl(muxId, Op.MuxConnectError, flags, encodeConnectError(refusal), seq, {
      deadlineMs,
      handler,
    });
    this.#host.touch();
    return undefined;
  }

  readonly #forget = (mux: Mux): void => {
    this.#table.delete(mux.id);
    this.#host.schedule.leave(mux, true);
  };
}
