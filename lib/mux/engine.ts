/**
 * The protocol engine of one connection, sans I/O: messages in, messages and calls out.
 *
 *     receive ──▶ decode ──▶ outgoing table (muxes that this side opened) ──▶ ResponseSink, StreamSink
 *                     └────▶ incoming table (muxes that the other side opened) ──▶ Responder
 *     request, open ──▶ mux ──▶ schedule ──▶ flush, at the end of the turn ──▶ MessageSink
 *
 * Bytes, time and the event loop are passed in. User code is called from `receive`, from timers and from the flush; what
 * it sends from there goes to the schedule. Who hears of a message within MessageSink.send may call, too: what it sends
 * waits until that message is on its way, and what comes waits until the message that is being read is done with.
 * What user code throws concerns its own mux: each frame, mux and timer is guarded by itself.
 */

import { LimitError, ProtocolError, withoutStack, type GridError } from '../errors.js';
import { guarded, type OnThrown } from '../guard.js';
import { defaultWindow, type Limits, type CreditWindow } from '../limits.js';
import type { Runtime } from '../runtime.js';
import { decodePong } from '../wire/control.js';
import { FrameView, joinBytes, type MuxId } from '../wire/frame.js';
import { Flag, Op } from '../wire/ops.js';
import { encodeOpening } from '../wire/window-payloads.js';
import { CallerStream } from './caller-stream.js';
import { CancelBudget } from './cancel-budget.js';
import type { WindowExtensions } from './credit.js';
import { IncomingCalls } from './incoming-calls.js';
import { DelayedCredit } from './delayed-credit.js';
import { MessageReader } from './message-reader.js';
import { noStats, type Address, type EngineOptions, type EngineStats } from './engine-options.js';
import { remainingMs, type Mux, type MuxHost } from './mux.js';
import { MuxTable } from './mux-table.js';
import { ReceiveAccount } from './receive-account.js';
import { ResponderStream } from './responder-stream.js';
import { congestedBytes } from './message-writer.js';
import { Schedule } from './schedule.js';
import type { StreamMux } from './stream.js';
import { UnknownMux } from './unknown-mux.js';
import { TimerWheel } from './timer-wheel.js';
import { UnaryCaller, type ResponseSink } from './unary.js';

export type { Address, Caller, EngineOptions, EngineStats, Responder } from './engine-options.js';

/** See the head of this file. */
export class Engine implements MuxHost {
  readonly schedule: Schedule;
  readonly wheel: TimerWheel;
  readonly limits: Limits;
  readonly ackCapacity: boolean;
  readonly windows: WindowExtensions;
  readonly stats: EngineStats = noStats();
  readonly account: ReceiveAccount;

  readonly #options: EngineOptions;
  readonly #runtime: Runtime;
  readonly #outgoing = new MuxTable<UnaryCaller | CallerStream>();
  readonly #incoming: IncomingCalls;
  #nextId: number;
  #closed = false;
  #flushDue = false;
  #owing: StreamMux[] = [];
  readonly #lateCredit: DelayedCredit;
  // Streams whose credit waits for room in the account.
  #waitingForRoom = new Set<StreamMux>();
  readonly #cancels: CancelBudget;
  // The clock is read once a turn: reading it cost a tenth of a call.
  #time = 0;
  #timeIsFresh = false;
  #shortestCall = Infinity;
  #connectionLost: GridError | undefined = undefined;
  readonly #unknownMux: UnknownMux;
  readonly #reader: MessageReader;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#runtime = options.runtime;
    this.limits = options.limits;
    this.ackCapacity = options.extensions.ack;
    this.windows = options.extensions;
    this.#nextId = options.firstMuxId;
    const { maxReceiveBytes, maxCancelsPerSecond, maxOpenMuxes } = options.limits;
    this.account = new ReceiveAccount(maxReceiveBytes, options.running, () => {
      const streams = this.#waitingForRoom;
      this.#waitingForRoom = new Set();
      for (const stream of streams) if (stream.owesCredit) this.oweCredit(stream);
    });
    this.#cancels = new CancelBudget(maxCancelsPerSecond, maxOpenMuxes, this.#runtime.now());
    this.#reader = new MessageReader({
      hash: options.checksum?.hash,
      maxFrames: options.limits.maxMessageFrames,
      view: new FrameView(),
      now: () => this.#runtime.now(),
      schedule: (task, ms) => this.#runtime.schedule(task, ms),
      visit: this.#visit,
      onFault: (error) => {
        options.onFault(error);
      },
      onBehind: (behind) => {
        options.onBehind?.(behind);
      },
    });
    this.#incoming = new IncomingCalls(this, options);
    this.schedule = new Schedule({
      sink: options.sink,
      checksum: options.sendChecksum ? options.checksum : undefined,
      // Below that a socket that keeps up may have taken a message as large as they get.
      hardLimit: options.limits.maxSendQueueBytes * 4 + congestedBytes + options.limits.maxUnaryBytes,
      onFault: (error) => {
        options.onFault(error);
      },
      onThrown: (error) => {
        // In a task of its own, as rxjs does: nothing here is harmed.
        this.#runtime.schedule(() => {
          throw error;
        }, 0);
      },
      now: () => this.#runtime.now(),
    });
    this.#unknownMux = new UnknownMux(this.schedule, this.stats, () => {
      this.scheduleFlush();
    });
    this.#lateCredit = new DelayedCredit(this, (task, ms) => this.#runtime.schedule(task, ms));
    this.wheel = new TimerWheel(
      () => this.#runtime.now(),
      (task, ms) => this.#runtime.schedule(task, ms),
      options.onThrown,
    );
  }

  /** Muxes that are open: calls of this side, and calls of the other side. */
  get open(): { readonly outgoing: number; readonly incoming: number } {
    return { outgoing: this.#outgoing.size, incoming: this.#incoming.size };
  }

  /**
   * Starts a unary call. `deadline` on the monotonic clock, in ms.
   *
   * @throws LimitError where the payload, the send queue or the number of calls is beyond its bound.
   * @throws what `disconnected` makes, after `close`.
   */
  request(address: Address, payload: Uint8Array, deadline: number, sink: ResponseSink): UnaryCaller {
    const { maxUnaryBytes } = this.limits;
    if (payload.length > maxUnaryBytes) {
      throw new LimitError(
        `${sink.route}: the request has ${String(payload.length)} bytes, and maxUnaryBytes is ${String(maxUnaryBytes)}: use a stream for payloads of this size.`,
        'maxUnaryBytes',
      );
    }
    this.#checkRoom(sink.route, payload.length);
    const mux = new UnaryCaller(this, this.#takeId(), sink, this.#forgetOutgoing, this.now());
    this.#outgoing.add(mux);
    this.wheel.add(mux, deadline);
    this.#send(mux, address, Op.Request, Flag.Eof, payload, deadline);
    return mux;
  }

  /**
   * Opens a stream. `inCapacity` 0: the route has no input. `deadline` on the monotonic clock, in ms, Infinity for none.
   *
   * @throws LimitError where the send queue or the number of calls is beyond its bound.
   * @throws what `disconnected` makes, after `close`.
   */
  openStream(
    address: Address,
    payload: Uint8Array,
    outWindow: CreditWindow,
    inCapacity: number,
    deadline: number,
    sink: Parameters<CallerStream['attach']>[0],
  ): CallerStream {
    this.#checkRoom(sink.route, payload.length);
    const mux = new CallerStream(this, this.#takeId(), outWindow, inCapacity, deadline, this.#forgetOutgoing);
    mux.attach(sink);
    this.#outgoing.add(mux);
    const flags = (inCapacity === 0 ? Flag.Eof : 0) | (payload.length === 0 ? Flag.PayloadIsZero : 0);
    const extra = this.windows.bytes
      ? encodeOpening({ items: outWindow.initial, bytes: outWindow.maxBytes ?? defaultWindow.maxBytes })
      : undefined;
    this.#send(mux, address, Op.ConnectMux, flags, payload, deadline, extra);
    return mux;
  }

  /** Takes one WebSocket message in. One that comes while another is being read waits for its end. */
  receive(message: Uint8Array): void {
    if (this.#closed) return;
    this.stats.messagesIn++;
    this.stats.bytesIn += message.length;
    this.#reader.receive(message);
    // What came may have ended the last mux without anything to send: no flush follows that would see it.
    if (this.wheel.size === 0) this.wheel.rearm();
  }

  /** Sends a frame of the connection itself, before everything that waits. */
  sendControl(op: number, payload: Uint8Array, deadlineMs = 0, seq = 0): void {
    if (this.#closed) return;
    this.schedule.sendControl(0, op, 0, payload, seq, { deadlineMs, handler: 0 });
    this.scheduleFlush();
  }

  /** The socket has room again. */
  drained(): void {
    if (!this.#closed) this.#flush();
  }

  /** Ends every mux with the one cause. Nothing is sent any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.stop();
    this.schedule.close();
    for (const mux of [...this.#outgoing.entries(), ...this.#incoming.entries()]) {
      if (!mux.ended) guarded(this.onThrown, disconnect, mux);
    }
    // After the calls have ended: the handlers that run on are then counted as such.
    this.account.close();
    this.#owing = [];
    this.#lateCredit.stop();
    this.wheel.stop();
  }

  now(): number {
    if (!this.#timeIsFresh) {
      this.#time = this.#runtime.now();
      this.#timeIsFresh = true;
      this.scheduleFlush();
    }
    return this.#time;
  }

  get onThrown(): OnThrown {
    return this.#options.onThrown;
  }

  get arrivedAt(): number {
    return this.#reader.arrivedAt;
  }

  clock(): number {
    return this.#runtime.now();
  }

  get roundTrip(): number {
    return Math.min(this.#options.roundTrip(), this.#shortestCall);
  }

  recordRoundTrip(began: number): void {
    const took = this.now() - began;
    if (took < this.#shortestCall) this.#shortestCall = took;
  }

  scheduleFlush(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    this.#runtime.defer(this.#flush);
  }

  oweCredit(stream: StreamMux): void {
    if (stream.creditDue) return;
    stream.creditDue = true;
    this.#owing.push(stream);
    this.scheduleFlush();
  }

  delayCredit(stream: StreamMux): void {
    this.#lateCredit.add(stream);
  }

  oweCreditWhenRoom(stream: StreamMux): void {
    this.#waitingForRoom.add(stream);
  }

  addRunningHandler(bytes: number, until: PromiseLike<unknown>): void {
    this.#options.running.add(bytes, until);
  }

  sendDisconnect(muxId: MuxId, op: number): void {
    this.#unknownMux.sendDisconnect(muxId, op);
  }

  disconnected(sent: boolean): GridError {
    return withoutStack(() => this.#options.disconnected(sent));
  }

  get connectionLost(): GridError {
    return (this.#connectionLost ??= this.disconnected(true));
  }

  readonly #flush = (): void => {
    this.#flushDue = false;
    this.#timeIsFresh = false;
    this.#unknownMux.beginTurn();
    if (this.#closed) return;
    if (this.#owing.length > 0) {
      const owing = this.#owing;
      this.#owing = [];
      this.#flushDue = true;
      for (const stream of owing) guarded(this.onThrown, sendCredit, stream);
      this.#flushDue = false;
      // No flush is due that would see that the time is an old one.
      this.#timeIsFresh = false;
    }
    this.schedule.flush();
    // An answer that came at once may have released more.
    if (this.#owing.length > 0) this.scheduleFlush();
    this.wheel.rearm();
  };

  readonly #forgetOutgoing = (mux: Mux): void => {
    this.#outgoing.delete(mux.id);
    this.schedule.leave(mux, false);
  };

  #takeId(): number {
    this.stats.callsOut++;
    return this.#nextId++;
  }

  #checkRoom(route: string, payloadBytes: number): void {
    if (this.#closed) throw this.disconnected(false);
    const { maxOpenMuxes, maxSendQueueBytes } = this.limits;
    if (this.#outgoing.size >= maxOpenMuxes) {
      throw new LimitError(
        `${route}: ${String(maxOpenMuxes)} calls are open on this connection. Wait for some to end, or raise maxOpenMuxes.`,
        'maxOpenMuxes',
      );
    }
    if (this.schedule.isFullFor(payloadBytes, maxSendQueueBytes)) {
      throw new LimitError(
        `${route}: ${String(this.schedule.queuedBytes)} bytes wait to be sent, and with this call they would be more than maxSendQueueBytes, ${String(maxSendQueueBytes)}. Call slower, or raise it.`,
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
    extra?: Uint8Array,
  ): void {
    const { handler, subroute } = address;
    const remaining = deadline === Infinity ? 0 : remainingMs(deadline, this.now());
    this.schedule.send(mux, op, subroute === undefined ? flags : flags | Flag.Subroute, payload, 0, {
      deadlineMs: remaining,
      handler,
      tail: extra === undefined || subroute === undefined ? (extra ?? subroute) : joinBytes(extra, subroute),
    });
    this.scheduleFlush();
  }

  // True: go on with the next frame of the message.
  readonly #visit = (frame: FrameView): boolean => {
    guarded(this.#onFrameThrown, this.#dispatch, frame);
    return !this.#closed;
  };

  // A payload that does not parse ends the connection; what a sink throws ends nothing.
  readonly #onFrameThrown = (error: unknown): void => {
    if (error instanceof ProtocolError) this.#options.onFault(error);
    else this.onThrown(error);
  };

  readonly #dispatch = (frame: FrameView): void => {
    switch (frame.op) {
      case Op.Response:
      case Op.MuxServerMsg:
      case Op.UnblockClMux:
      case Op.AckMux:
      case Op.MuxConnectError:
      case Op.DisconnectClientMux: {
        const mux = this.#outgoing.get(frame.muxId);
        if (mux === undefined) this.#unknownMux.answerResponder(frame);
        else mux.onFrame(frame);
        break;
      }
      case Op.Request:
        this.#incoming.onRequest(frame);
        break;
      case Op.ConnectMux:
        this.#incoming.onConnectMux(frame);
        break;
      case Op.MuxClientMsg:
      case Op.UnblockSrvMux: {
        const mux = this.#incoming.get(frame.muxId);
        if (mux instanceof ResponderStream) mux.onFrame(frame);
        else this.#unknownMux.answerCaller(frame);
        break;
      }
      case Op.DisconnectServerMux: {
        if (!this.#cancels.take(this.now())) {
          this.#options.onFault(this.#cancels.fault);
          break;
        }
        const mux = this.#incoming.get(frame.muxId);
        if (mux instanceof ResponderStream) mux.onFrame(frame);
        else if (mux === undefined) this.#unknownMux.answerCaller(frame);
        else mux.cancel();
        break;
      }
      case Op.Ping:
        this.#onPing(frame);
        break;
      case Op.Pong:
        this.#onPong(frame);
        break;
      case Op.Connect:
      case Op.ConnectResponse:
      case Op.Disconnect:
        this.#options.onControl(frame);
        break;
      default:
        this.stats.unknownOps++;
    }
  };

  #onPing(frame: FrameView): void {
    if (frame.muxId === 0) {
      this.#options.onControl(frame);
      return;
    }
    const mux = this.#incoming.get(frame.muxId);
    if (mux instanceof ResponderStream) mux.onFrame(frame);
    else this.#unknownMux.answerCaller(frame);
  }

  #onPong(frame: FrameView): void {
    if (frame.muxId === 0) {
      this.#options.onControl(frame);
      return;
    }
    const mux = this.#outgoing.get(frame.muxId);
    if (mux instanceof CallerStream) {
      const pong = decodePong(frame.payload);
      mux.onPong(pong.unknown, pong.error);
    } else if (mux === undefined) {
      this.#unknownMux.answerResponder(frame);
    }
  }
}

// Made once, for guarded().
function disconnect(mux: Mux): void {
  mux.disconnect();
}

function sendCredit(stream: StreamMux): void {
  stream.creditDue = false;
  stream.sendCredit();
}
