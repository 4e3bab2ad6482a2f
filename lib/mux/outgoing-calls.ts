/**
 * The calls that this side makes: each gets an id, an entry in the table and its opening frame.
 *
 *     request, openStream ──▶ room? ──▶ id ──▶ table, timer ──▶ Request | ConnectMux
 *                              └ LimitError
 */

import { LimitError } from '../errors.js';
import { defaultWindow, type CreditWindow } from '../limits.js';
import { joinBytes, type MuxId } from '../wire/frame.js';
import { Flag, Op } from '../wire/ops.js';
import { openingExtra, requestExtra } from '../wire/payloads/opening-extra.js';
import { CallerStream } from './stream/caller-stream.js';
import type { Address, StreamOpening } from './engine-options.js';
import { remainingMs, type Mux, type MuxHost } from './mux.js';
import { MuxTable } from './mux-table.js';
import { UnaryCaller, type ResponseSink } from './unary.js';

/** What outgoing calls need from their engine. */
export interface OutgoingHost extends MuxHost {
  readonly stats: MuxHost['stats'] & { callsOut: number };
  /** True after the connection was closed. */
  readonly closed: boolean;
  /** True where both sides announced `meta`. */
  readonly carriesMeta: boolean;
}

/** Items of a window that a simulation makes small. */
export const tinyWindow = 3;

/** The calls that this side makes: gives each an id, and opens it. */
export class OutgoingCalls {
  readonly #host: OutgoingHost;
  readonly #table = new MuxTable<UnaryCaller | CallerStream>();
  #nextId: number;

  /** `firstId`: the id of the first call; the others follow it. */
  constructor(host: OutgoingHost, firstId: number) {
    this.#host = host;
    this.#nextId = firstId;
  }

  /** Number of open calls. */
  get size(): number {
    return this.#table.size;
  }

  /** Number of open unary calls. Counts them one by one. */
  get requests(): number {
    return this.#table.entries().filter((mux) => mux instanceof UnaryCaller).length;
  }

  /** The call with this id, if it is open. */
  get(id: MuxId): UnaryCaller | CallerStream | undefined {
    return this.#table.get(id);
  }

  /** All open calls. */
  entries(): (UnaryCaller | CallerStream)[] {
    return this.#table.entries();
  }

  /** See `Engine.request`. */
  request(address: Address, payload: Uint8Array, deadline: number, sink: ResponseSink, meta?: Uint8Array): UnaryCaller {
    const host = this.#host;
    const { maxUnaryBytes } = host.limits;
    if (payload.length > maxUnaryBytes) {
      throw new LimitError(
        `${sink.route}: the request has ${String(payload.length)} bytes, and maxUnaryBytes is ${String(maxUnaryBytes)}: use a stream for payloads of this size.`,
        'maxUnaryBytes',
      );
    }
    const extra = meta !== undefined && host.carriesMeta ? requestExtra(meta) : undefined;
    const tail = tailOf(address, extra);
    this.#checkRoom(sink.route, payload, tail);
    const mux = new UnaryCaller(host, this.#takeId(), sink, this.#remove, host.turn.now());
    this.#table.add(mux);
    host.wheel.add(mux, deadline);
    this.#send(mux, address, Op.Request, Flag.Eof, payload, deadline, tail);
    return mux;
  }

  /** See `Engine.openStream`. */
  openStream(opening: StreamOpening): CallerStream {
    const { address, payload, inCapacity, deadline, sink, meta } = opening;
    const host = this.#host;
    const outWindow = this.#windowOf(opening.outWindow);
    const window = host.windows.bytes
      ? { items: outWindow.initial, bytes: outWindow.maxBytes ?? defaultWindow.maxBytes }
      : undefined;
    const extra = openingExtra(window, host.carriesMeta ? meta : undefined);
    const tail = tailOf(address, extra);
    this.#checkRoom(sink.route, payload, tail);
    const mux = new CallerStream(host, this.#takeId(), opening, outWindow, this.#remove);
    mux.attach(sink);
    this.#table.add(mux);
    const flags = (inCapacity === 0 ? Flag.Eof : 0) | (payload.length === 0 ? Flag.PayloadIsZero : 0);
    this.#send(mux, address, Op.ConnectMux, flags, payload, deadline, tail);
    return mux;
  }

  // Of simulations: a window that may grow begins with a few items. Only where it is announced, or the responder has
  // its own.
  #windowOf(wanted: CreditWindow): CreditWindow {
    const { marks, windows } = this.#host;
    const isTiny = windows.bytes && wanted.max > wanted.initial && marks.buggify?.('a window begins with three items');
    return isTiny === true ? { ...wanted, initial: tinyWindow } : wanted;
  }

  readonly #remove = (mux: Mux): void => {
    this.#table.delete(mux.id);
    this.#host.schedule.leave(mux, false);
  };

  #takeId(): number {
    this.#host.stats.callsOut++;
    return this.#nextId++;
  }

  #checkRoom(route: string, payload: Uint8Array, tail: Uint8Array | undefined): void {
    const host = this.#host;
    if (host.closed) throw host.disconnected(false);
    const { maxOpenMuxes, maxSendQueueBytes } = host.limits;
    if (this.#table.size >= maxOpenMuxes) {
      host.marks.sometimes?.('a call was not made, because too many were open');
      throw new LimitError(
        `${route}: ${String(maxOpenMuxes)} calls are open on this connection. Wait for some to end, or raise maxOpenMuxes.`,
        'maxOpenMuxes',
      );
    }
    if (host.schedule.isFullFor(payload.length + (tail?.length ?? 0), maxSendQueueBytes)) {
      host.marks.sometimes?.('a call was not made, because the send queue was full');
      throw new LimitError(
        `${route}: ${String(host.schedule.queuedBytes)} bytes wait to be sent, and this call would exceed maxSendQueueBytes, ${String(maxSendQueueBytes)}. Make fewer calls at once, or raise it.`,
        'maxSendQueueBytes',
      );
    }
  }

  #send(
    mux: UnaryCaller | CallerStream,
    address: Address,
    op: number,
    flags: number,
    payload: Uint8Array,
    deadline: number,
    tail: Uint8Array | undefined,
  ): void {
    const { handler, subroute } = address;
    const { schedule, turn } = this.#host;
    schedule.send(mux, op, subroute === undefined ? flags : flags | Flag.Subroute, payload, 0, {
      deadlineMs: remainingMs(deadline, turn.now()),
      handler,
      tail,
    });
    turn.scheduleFlush();
  }
}

// What follows the payload in a frame.
function tailOf({ subroute }: Address, extra: Uint8Array | undefined): Uint8Array | undefined {
  return extra === undefined || subroute === undefined ? (extra ?? subroute) : joinBytes(extra, subroute);
}
