/**
 * The calls of the other side: each one is handed to the responder of its route, or refused.
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

/** What {@link IncomingCalls} need from their engine. */
export interface IncomingHost extends MuxHost {
  /** Arrival time of the message that is being read, on the monotonic clock, in ms. */
  readonly arrivedAt: number;
  readonly stats: MuxHost['stats'] & { callsIn: number; unknownMuxFrames: number };
}

/** Flags that a MuxConnectError repeats: the known ones that do not describe what follows the tuple. */
const refusedFlags = Flag.Eof | Flag.Stateless | Flag.PayloadIsErr | Flag.PayloadIsZero;

/** In ms. A shorter deadline may have passed while earlier handlers of the same turn ran. */
const shortDeadlineMs = 5_000;

/** See the head of this file. */
export class IncomingCalls {
  readonly #host: IncomingHost;
  readonly #options: EngineOptions;
  readonly #table = new MuxTable<UnaryResponder | ResponderStream>();

  constructor(host: IncomingHost, options: EngineOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Number of open calls. */
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

  /** Handles a Request. */
  onRequest(frame: FrameView): void {
    const responder = this.#findResponder(frame, 'unary');
    if (responder?.kind !== 'unary') return;
    const { payload, deadlineMs } = frame;
    const host = this.#host;
    const deadline = deadlineMs === 0 ? Infinity : host.arrivedAt + deadlineMs;
    // The caller does not wait for a response after its deadline.
    if (this.#isLate(deadlineMs, deadline)) return;
    const mux = new UnaryResponder(host, frame.muxId, frame.seq, deadline, payload.length, this.#remove);
    this.#table.add(mux);
    host.account.add(payload.length);
    if (deadlineMs !== 0) {
      host.wheel.add(mux, deadline + responderSlackMs);
      // The wheel sets its timer when the turn ends.
      host.turn.scheduleFlush();
    }
    responder.respond(mux, payload, this.#options.caller);
  }

  /** Handles a ConnectMux. */
  onConnectMux(frame: FrameView): void {
    const responder = this.#findResponder(frame, 'duplex');
    if (responder?.kind !== 'duplex') return;
    const { payload, flags, extra, deadlineMs } = frame;
    const host = this.#host;
    const deadline = deadlineMs === 0 ? Infinity : host.arrivedAt + deadlineMs;
    if (this.#isLate(deadlineMs, deadline)) {
      host.sendDisconnect(frame.muxId, Op.DisconnectClientMux);
      return;
    }
    const { inWindow, outWindow } = responder;
    const opening = host.windows.bytes && extra !== undefined ? decodeOpening(extra) : undefined;
    const hasInput = (flags & Flag.Eof) === 0;
    const mux = new ResponderStream(host, frame.muxId, inWindow, outWindow, opening, deadline, hasInput, this.#remove);
    mux.requestBytes = payload.length;
    this.#table.add(mux);
    host.account.add(payload.length);
    mux.acknowledge(inWindow);
    responder.open(mux, payload, this.#options.caller);
    if (!hasInput) mux.closeInput();
  }

  // The clock is read again for short deadlines only: reading one slice takes less time than the others.
  #isLate(deadlineMs: number, deadline: number): boolean {
    if (deadlineMs === 0) return false;
    return (deadlineMs < shortDeadlineMs ? this.#host.turn.exactNow() : this.#host.turn.now()) >= deadline;
  }

  // Undefined: the call was refused, or is a duplicate.
  #findResponder(frame: FrameView, kind: Responder['kind']): Responder | undefined {
    if (this.#table.get(frame.muxId) !== undefined) {
      this.#host.stats.unknownMuxFrames++;
      return undefined;
    }
    this.#host.stats.callsIn++;
    const found = this.#options.find(frame.handler, frame.subroute);
    let refusal: string;
    if (typeof found === 'string') refusal = found;
    else if (found.kind !== kind) {
      refusal = `Handler ${String(frame.handler)} is ${found.kind}: declare the route as ${found.kind} at both sides.`;
    } else if ((frame.flags & Flag.Stateless) !== 0) refusal = 'Stateless streams not supported';
    else refusal = this.#exceededBound(frame.payload.length) ?? '';
    if (refusal === '') return found as Responder;
    // The refusal repeats the refused frame, except for the flags of what follows the tuple.
    const { muxId, seq, deadlineMs, handler } = frame;
    const flags = frame.flags & refusedFlags;
    this.#host.schedule.sendControl(muxId, Op.MuxConnectError, flags, encodeConnectError(refusal), seq, {
      deadlineMs,
      handler,
    });
    this.#host.turn.scheduleFlush();
    return undefined;
  }

  // The bound that the call would exceed, as the text of a refusal; undefined where there is none.
  #exceededBound(bytes: number): string | undefined {
    const { limits, account } = this.#host;
    if (bytes > limits.maxUnaryBytes) {
      return `The request has ${String(bytes)} bytes, and maxUnaryBytes of this host is ${String(limits.maxUnaryBytes)}: use a stream for payloads of this size.`;
    }
    if (this.#table.size + this.#options.running.count >= limits.maxOpenMuxes) {
      return `${String(limits.maxOpenMuxes)} calls are open on this connection, or their handlers are still running (maxOpenMuxes).`;
    }
    if (account.isFull) {
      return `This host holds ${String(account.bytes)} bytes of this connection's calls (maxReceiveBytes): call again when some have ended.`;
    }
    return undefined;
  }

  readonly #remove = (mux: Mux & { readonly requestBytes: number }): void => {
    this.#host.account.remove(mux.requestBytes);
    this.#table.delete(mux.id);
    this.#host.schedule.leave(mux, true);
  };
}
