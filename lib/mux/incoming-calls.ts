/**
 * The calls of the other side: each one is handed to the responder of its route, or refused.
 *
 *     Request, ConnectMux ──▶ duplicate? ──▶ route? ──▶ room? ──▶ responder
 *                               └ ignored      └──────────┴──▶ MuxConnectError
 */

import { ProtocolError } from '../errors.js';
import { exhausted } from '../wire/payloads/call-error.js';
import type { FrameView, MuxId } from '../wire/frame.js';
import { Flag, Op } from '../wire/ops.js';
import {
  decodeOpeningExtra,
  maxOpeningBytes,
  metaFault,
  type Meta,
  type OpeningExtra,
} from '../wire/payloads/opening-extra.js';
import type { EngineOptions, Refusal, Responder } from './engine-options.js';
import type { IncomingHost } from './incoming-side.js';
import { responderSlackMs, type Mux } from './mux.js';
import { MuxTable } from './mux-table.js';
import { refuseCall, unimplemented } from './refuse-call.js';
import { ResponderStream } from './stream/responder-stream.js';
import { UnaryResponder } from './unary.js';

/** Memory of one entry of metadata besides its bytes: two strings and a slot of a map. Measured. */
const metaEntryBytes = 72;

/** In ms. A shorter deadline may have passed while earlier handlers of the same turn ran. */
const shortDeadlineMs = 5_000;

/** Accepts or refuses the calls that the other side makes. */
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
    const { payload, extra, deadlineMs } = frame;
    const host = this.#host;
    const deadline = deadlineMs === 0 ? Infinity : host.arrivedAt + deadlineMs;
    // The caller does not wait for a response after its deadline.
    if (this.#isLate(deadlineMs, deadline)) return;
    const opening = extra !== undefined && this.#carriesMeta ? decoded(extra, true) : undefined;
    if (opening !== undefined && this.#refusesOpening(frame, opening)) return;
    const meta = opening?.meta;
    const bytes = payload.length + memoryOfMeta(meta, extra);
    const mux = new UnaryResponder(host, frame.muxId, frame.seq, deadline, bytes, this.#remove);
    this.#table.add(mux);
    host.account.add(bytes);
    if (deadlineMs !== 0) {
      host.wheel.add(mux, deadline + responderSlackMs);
      // The wheel sets its timer when the turn ends.
      host.turn.scheduleFlush();
    }
    responder.respond(mux, payload, this.#options.caller, meta);
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
    const { bytes } = host.windows;
    const carriesMeta = this.#carriesMeta;
    const opening = (bytes || carriesMeta) && extra !== undefined ? decoded(extra, carriesMeta) : undefined;
    if (opening !== undefined && this.#refusesOpening(frame, opening)) return;
    const callerWindow = bytes ? opening?.window : undefined;
    const meta = opening?.meta;
    const callerHasInput = (flags & Flag.Eof) === 0;
    const stream = { id: frame.muxId, inWindow, outWindow, callerWindow, deadline, callerHasInput };
    const mux = new ResponderStream(host, stream, this.#remove);
    mux.requestBytes = payload.length + memoryOfMeta(meta, extra);
    this.#table.add(mux);
    host.account.add(mux.requestBytes);
    mux.acknowledge(inWindow);
    responder.open(mux, payload, this.#options.caller, meta);
    if (!callerHasInput) mux.closeInput();
  }

  get #carriesMeta(): boolean {
    return this.#options.extensions.meta === true;
  }

  // What a caller of this library does not send: it checks its metadata before. The frame has its bounds, so that the
  // other calls of the connection go on.
  #refusesOpening(frame: FrameView, opening: OpeningExtra | ProtocolError): opening is ProtocolError {
    let text: string;
    if (opening instanceof ProtocolError) text = opening.message;
    else {
      const fault = opening.meta === undefined ? undefined : metaFault(opening.meta);
      if (fault === undefined) return false;
      text = `The ${fault}.`;
    }
    refuseCall(this.#host, frame, { text, error: { code: 'invalid-argument', sent: false } });
    return true;
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
    let refusal: Refusal | undefined;
    if (typeof found === 'string') refusal = unimplemented(found);
    else if ('text' in found) refusal = found;
    else if (found.kind !== kind) {
      // A route with a name is at a subroute, and its id means nothing to a user.
      const what = frame.subroute === undefined ? `Handler ${String(frame.handler)}` : 'Its handler';
      const text = `${what} is ${found.kind}: declare the route as ${found.kind} at both sides.`;
      refusal = unimplemented(text);
    } else if ((frame.flags & Flag.Stateless) !== 0) refusal = unimplemented('Stateless streams not supported');
    else refusal = this.#exceededBound(frame, kind);
    if (refusal === undefined) return found as Responder;
    refuseCall(this.#host, frame, refusal);
    return undefined;
  }

  // The bound that the call would exceed, as a refusal; undefined where there is none.
  #exceededBound({ payload, extra }: FrameView, kind: Responder['kind']): Refusal | undefined {
    const { limits, account } = this.#host;
    const bytes = payload.length;
    if (bytes > limits.maxUnaryBytes) {
      const remedy =
        kind === 'unary' ? 'use a stream for payloads of this size' : 'send it in several items of the input';
      return tooMuch(
        `The request has ${String(bytes)} bytes, and maxUnaryBytes of this host is ${String(limits.maxUnaryBytes)}: ${remedy}.`,
        'maxUnaryBytes',
        false,
      );
    }
    if (extra !== undefined && extra.length > limits.maxMetaBytes + maxOpeningBytes && this.#carriesMeta) {
      return tooMuch(
        `The metadata has ${String(extra.length)} bytes, and maxMetaBytes of this host is ${String(limits.maxMetaBytes)}.`,
        'maxMetaBytes',
        false,
      );
    }
    if (this.#table.size + this.#options.running.count >= limits.maxOpenMuxes) {
      return tooMuch(
        `${String(limits.maxOpenMuxes)} calls are open on this connection, or their handlers are still running (maxOpenMuxes).`,
        'maxOpenMuxes',
      );
    }
    if (account.isFull) {
      return tooMuch(
        `This host holds ${String(account.bytes)} bytes of this connection's calls (maxReceiveBytes): call again when some have ended.`,
        'maxReceiveBytes',
      );
    }
    return undefined;
  }

  readonly #remove = (mux: Mux & { readonly requestBytes: number }): void => {
    this.#host.account.remove(mux.requestBytes);
    this.#table.delete(mux.id);
    this.#host.schedule.leave(mux, true);
  };
}

// The extra bytes of a frame that opens a call, or why they cannot be decoded.
function decoded(extra: Uint8Array, withMeta: boolean): OpeningExtra | ProtocolError {
  try {
    return decodeOpeningExtra(extra, withMeta);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

// Bytes that the metadata of a call holds until its handler has ended.
function memoryOfMeta(meta: Meta | undefined, extra: Uint8Array | undefined): number {
  return meta === undefined ? 0 : extra!.length + Object.keys(meta).length * metaEntryBytes;
}

function tooMuch(text: string, limit: string, retryable = true): Refusal {
  return { text, error: exhausted(limit, retryable, false) };
}
