/**
 * The protocol engine of one connection, sans I/O: messages and calls go in, messages and calls come out.
 *
 *     receive ──▶ decode ──▶ outgoing calls (muxes that this side opened) ──▶ ResponseSink, StreamSink
 *                     └────▶ incoming side (muxes that the other side opened) ──▶ Responder
 *     request, openStream ──▶ mux ──▶ schedule ──▶ flush, at the end of the turn ──▶ MessageSink
 *
 * Bytes, time and the event loop are passed in. The engine calls user code from `receive`, from timers and from the flush;
 * frames that user code sends from there go to the schedule. A MessageSink may call the engine within `send`: frames that
 * it sends wait until the current message has been handed over, and messages that arrive wait until the current one has
 * been read. Each frame, mux and timer is guarded separately, so an error thrown by user code affects its own mux only.
 */

import { ProtocolError, withoutStack, type GridError, type RefusedError } from '../errors.js';
import { guarded, type OnThrown } from '../guard.js';
import type { Limits } from '../limits.js';
import type { Marks, Runtime } from '../runtime.js';
import { FrameView, type MuxId } from '../wire/frame.js';
import type { CallerStream } from './stream/caller-stream.js';
import type { WindowExtensions } from './stream/credit.js';
import { noStats, type Address, type EngineOptions, type EngineStats, type StreamOpening } from './engine-options.js';
import { FrameRouter } from './frame-router.js';
import type { IncomingSide } from './incoming-side.js';
import { MessageReader } from './message-reader.js';
import { ReadingTime } from './reading-time.js';
import { congestedBytes } from './schedule/message-writer.js';
import type { Mux, MuxHost } from './mux.js';
import { OutgoingCalls } from './outgoing-calls.js';
import { ReceiveAccount } from './receive-account.js';
import { RefusedCalls } from './refused-calls.js';
import { Schedule } from './schedule/schedule.js';
import { TimerWheel } from './timer-wheel.js';
import { Turn } from './turn.js';
import type { ResponseSink, UnaryCaller } from './unary.js';
import { UnknownMux } from './unknown-mux.js';

export type {
  Address,
  Caller,
  EngineOptions,
  EngineStats,
  Refusal,
  Responder,
  StreamOpening,
} from './engine-options.js';

/** The protocol engine of one connection: turns calls into messages, and received messages into calls and answers. */
export class Engine implements MuxHost {
  readonly schedule: Schedule;
  readonly wheel: TimerWheel;
  readonly turn: Turn;
  readonly limits: Limits;
  readonly marks: Marks;
  readonly ackCapacity: boolean;
  readonly errorDetails: boolean;
  /** True where both sides announced `meta`: calls carry metadata. */
  readonly carriesMeta: boolean;
  readonly windows: WindowExtensions;
  readonly stats: EngineStats = noStats();
  readonly account: ReceiveAccount;
  readonly onThrown: OnThrown;

  readonly #options: EngineOptions;
  readonly #outgoing: OutgoingCalls;
  readonly #incoming: IncomingSide;
  readonly #unknownMux: UnknownMux;
  readonly #router: FrameRouter;
  readonly #reader: MessageReader;
  #closed = false;
  #connectionLost: GridError | undefined = undefined;

  constructor(options: EngineOptions) {
    const { runtime, limits, onThrown } = options;
    this.#options = options;
    this.limits = limits;
    this.marks = runtime;
    this.ackCapacity = options.extensions.ack;
    this.errorDetails = options.extensions.err === true;
    this.carriesMeta = options.extensions.meta === true;
    this.windows = options.extensions;
    this.onThrown = onThrown;
    const now = (): number => runtime.now();
    const setTimer: Runtime['schedule'] = (task, ms) => runtime.schedule(task, ms);
    this.account = new ReceiveAccount(limits.maxReceiveBytes, options.running, () => {
      this.turn.sendCreditThatWaitsForRoom();
    });
    this.#outgoing = new OutgoingCalls(this, options.firstMuxId);
    this.#reader = this.#createReader(now);
    this.schedule = this.#createSchedule(now);
    this.wheel = new TimerWheel(now, setTimer, onThrown);
    this.turn = new Turn({
      runtime,
      pingRoundTrip: () => options.roundTrip(),
      onThrown,
      onEnd: () => {
        this.#unknownMux.beginTurn();
      },
      send: () => {
        this.schedule.flush();
        this.wheel.rearm();
      },
    });
    this.#unknownMux = new UnknownMux(this.schedule, this.stats, () => {
      this.turn.scheduleFlush();
    });
    this.#incoming = options.incoming?.(this, options, this.#unknownMux) ?? new RefusedCalls(this, this.#unknownMux);
    this.#router = new FrameRouter({
      outgoing: this.#outgoing,
      incoming: this.#incoming,
      unknownMux: this.#unknownMux,
      stats: this.stats,
      onControl: (frame) => {
        options.onControl(frame);
      },
    });
  }

  /** Number of open muxes: calls of this side, and calls of the other side. */
  get open(): { readonly outgoing: number; readonly incoming: number } {
    return { outgoing: this.#outgoing.size, incoming: this.#incoming.size };
  }

  /** The open muxes themselves, for observers of the wire. */
  get muxes(): { readonly outgoing: readonly Mux[]; readonly incoming: readonly Mux[] } {
    return { outgoing: this.#outgoing.entries(), incoming: this.#incoming.entries() };
  }

  /** The number of unary calls of this side that wait for their answer. Counts them one by one, so it is not for hot paths. */
  get requests(): number {
    return this.#outgoing.requests;
  }

  /** True after {@link close}. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Starts a unary call. `deadline` is on the monotonic clock, in ms. `meta` is encoded metadata; it is left out where the
   * other side did not announce that it takes any.
   *
   * @throws LimitError where the payload, the send queue or the number of calls exceeds its bound.
   * @throws the error of `EngineOptions.disconnected`, after `close`.
   */
  request(address: Address, payload: Uint8Array, deadline: number, sink: ResponseSink, meta?: Uint8Array): UnaryCaller {
    return this.#outgoing.request(address, payload, deadline, sink, meta);
  }

  /**
   * Opens a stream.
   *
   * @throws LimitError where the send queue or the number of calls exceeds its bound.
   * @throws the error of `EngineOptions.disconnected`, after `close`.
   */
  openStream(opening: StreamOpening): CallerStream {
    return this.#outgoing.openStream(opening);
  }

  /** Takes one received WebSocket message. A message that arrives while another one is being read waits for its end. */
  receive(message: Uint8Array): void {
    if (this.#closed) return;
    this.stats.messagesIn++;
    this.stats.bytesIn += message.length;
    this.#reader.receive(message);
    // The message may have ended the last mux without an answer: then no flush follows, which would stop the timer.
    if (this.wheel.size === 0) this.wheel.rearm();
  }

  /** Runs `task` when all messages that were received are read: at once, unless the engine is behind with reading. */
  whenRead(task: () => void): void {
    this.#reader.whenRead(task);
  }

  /** When messages of the peer arrived, and until when some of them waited to be read. */
  get reading(): Pick<MessageReader, 'lastArrival' | 'unreadUntil'> {
    return this.#reader;
  }

  /** The socket has closed. Calls that are made from now on stay in the queue, and count as not sent. */
  socketEnded(): void {
    this.schedule.socketEnded();
  }

  /** Sends a frame of the connection itself, ahead of all queued frames. */
  sendControl(op: number, payload: Uint8Array, deadlineMs = 0, seq = 0): void {
    if (this.#closed) return;
    this.schedule.sendControl(0, op, 0, payload, seq, { deadlineMs, handler: 0 });
    this.turn.scheduleFlush();
  }

  /** The socket has room again. */
  drained(): void {
    this.turn.flushNow();
  }

  /** Ends every mux with the same cause. The engine sends nothing afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.stop();
    this.schedule.close();
    for (const mux of [...this.#outgoing.entries(), ...this.#incoming.entries()]) {
      if (!mux.ended) guarded(this.onThrown, disconnect, mux);
    }
    // After the calls have ended, so that handlers which outlive them are counted.
    this.account.close();
    this.turn.stop();
    this.wheel.stop();
  }

  /** The time on the monotonic clock, in ms; one reading for a whole turn of the event loop. */
  now(): number {
    return this.turn.now();
  }

  get arrivedAt(): number {
    return this.#reader.arrivedAt;
  }

  mayBeUnread(ms: number): boolean {
    return this.#reader.unreadUntil > this.turn.now() - ms || this.#options.isPongOverdue?.() === true;
  }

  addRunningHandler(bytes: number, until: PromiseLike<unknown>): void {
    this.#options.running.add(bytes, until);
  }

  sendDisconnect(muxId: MuxId, op: number): void {
    this.#unknownMux.sendDisconnect(muxId, op);
  }

  refused(refusal: RefusedError): GridError {
    return this.#options.refused?.(refusal) ?? refusal;
  }

  disconnected(sent: boolean): GridError {
    return withoutStack(() => this.#options.disconnected(sent));
  }

  get connectionLost(): GridError {
    return (this.#connectionLost ??= this.disconnected(true));
  }

  readonly #onFault = (error: ProtocolError): void => {
    this.#options.onFault(error);
  };

  #createReader(now: () => number): MessageReader {
    const { checksum, limits, runtime } = this.#options;
    return new MessageReader({
      marks: runtime,
      hash: checksum?.hash,
      maxFrames: limits.maxMessageFrames,
      view: new FrameView(),
      now,
      time: ReadingTime.of(runtime),
      visit: this.#visit,
      onFault: this.#onFault,
      onBehind: (behind) => this.#options.onBehind?.(behind),
    });
  }

  #createSchedule(now: () => number): Schedule {
    const { sink, sendChecksum, checksum, limits, runtime } = this.#options;
    return new Schedule({
      marks: runtime,
      sink,
      checksum: sendChecksum ? checksum : undefined,
      // A socket that keeps up may hold as much as this: the send queue, and the largest message in addition.
      hardLimit: limits.maxSendQueueBytes * 4 + congestedBytes + limits.maxUnaryBytes,
      onFault: this.#onFault,
      onThrown: (error) => {
        // Thrown in a task of its own, as rxjs does: the schedule itself goes on.
        runtime.schedule(() => {
          throw error;
        }, 0);
      },
      now,
    });
  }

  // True: continue with the next frame of the message.
  readonly #visit = (frame: FrameView): boolean => {
    guarded(this.#onFrameThrown, this.#router.route, frame);
    return !this.#closed;
  };

  // A payload that does not parse ends the connection; an error thrown by a sink does not.
  readonly #onFrameThrown = (error: unknown): void => {
    if (error instanceof ProtocolError) this.#options.onFault(error);
    else this.onThrown(error);
  };
}

// Created once, for guarded().
function disconnect(mux: Mux): void {
  mux.disconnect();
}
