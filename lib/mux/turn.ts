/**
 * One turn of the event loop, as an engine sees it: a single reading of the clock, and one flush at the end.
 *
 *     idle ──now | scheduleFlush | oweCredit──▶ flush scheduled ──end of the turn──▶ flushing ──▶ idle
 *                                                                                     │
 *                                 owed credit, then what the schedule holds, then the timer ◀┘
 *
 * Credit is collected during a turn, so that a stream whose consumer releases a hundred items sends one credit frame.
 */

import { guarded, type OnThrown } from '../guard.js';
import type { Marks, Runtime } from '../runtime.js';
import { DelayedCredit } from './stream/delayed-credit.js';
import type { StreamMux } from './stream/stream.js';

/** What a {@link Turn} needs from its engine. */
export interface TurnOptions {
  readonly runtime: Runtime;
  /** Shortest round trip of the connection's pings so far, in ms; Infinity before the first Pong. */
  readonly pingRoundTrip: () => number;
  /** Takes what a stream throws while it sends its credit. */
  readonly onThrown: OnThrown;
  /** Called at the end of the turn, before anything is sent; also after `stop`. */
  readonly onEnd: () => void;
  /** Sends what is queued, and sets the timer of the wheel. Called last. */
  readonly send: () => void;
}

/** The clock of one turn of the event loop, and the work that is done at its end. */
export class Turn {
  readonly #options: TurnOptions;
  readonly #runtime: Runtime;
  #flushScheduled = false;
  #stopped = false;
  // Streams whose credit is sent at the end of this turn.
  #owing: StreamMux[] = [];
  // Streams whose credit waits for room in the account of received bytes.
  #waitingForRoom = new Set<StreamMux>();
  readonly #delayedCredit: DelayedCredit;
  // The clock is read once a turn: reading it took a tenth of the time of a call.
  #time = 0;
  #timeIsFresh = false;
  #shortestCall = Infinity;

  constructor(options: TurnOptions) {
    this.#options = options;
    this.#runtime = options.runtime;
    this.#delayedCredit = new DelayedCredit(this, (task, ms) => this.#runtime.schedule(task, ms));
  }

  /** The time on the monotonic clock, in ms; one reading for the whole turn. */
  now(): number {
    if (!this.#timeIsFresh) {
      this.#time = this.#runtime.now();
      this.#timeIsFresh = true;
      // The flush ends the turn, and with it the validity of this reading.
      this.scheduleFlush();
    }
    return this.#time;
  }

  /** Of simulations. */
  get marks(): Marks {
    return this.#runtime;
  }

  /** The monotonic clock, read again. */
  exactNow(): number {
    return this.#runtime.now();
  }

  /** Shortest round trip of the connection so far, in ms; Infinity while it is unknown. */
  get roundTrip(): number {
    return Math.min(this.#options.pingRoundTrip(), this.#shortestCall);
  }

  /** A call that began at this time has its answer: no round trip is longer. */
  recordRoundTrip(began: number): void {
    const duration = this.now() - began;
    if (duration < this.#shortestCall) this.#shortestCall = duration;
  }

  /** Makes what was sent leave at the end of this turn. */
  scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#runtime.defer(this.#flush);
  }

  /** Sends the stream's credit at the end of this turn. */
  oweCredit(stream: StreamMux): void {
    if (stream.creditDue) return;
    stream.creditDue = true;
    this.#owing.push(stream);
    this.scheduleFlush();
  }

  /** Sends the stream's credit a round trip from now, unless it has been sent by then. */
  delayCredit(stream: StreamMux): void {
    this.#delayedCredit.add(stream);
  }

  /** Sends the stream's credit once {@link sendCreditThatWaitsForRoom} is called. */
  oweCreditWhenRoom(stream: StreamMux): void {
    this.#runtime.sometimes?.('credit waited for room in the account');
    this.#waitingForRoom.add(stream);
  }

  /** The account of received bytes has room again. */
  sendCreditThatWaitsForRoom(): void {
    const streams = this.#waitingForRoom;
    this.#waitingForRoom = new Set();
    for (const stream of streams) if (stream.owesCredit) this.oweCredit(stream);
  }

  /** A stream has ended: it does not wait for room any more, which may take long to become free. */
  forget(stream: StreamMux): void {
    if (this.#waitingForRoom.size > 0) this.#waitingForRoom.delete(stream);
  }

  /**
   * @internal Number of streams that wait to send credit at the end of the turn, or for room. A delay lasts 10 ms at
   * most.
   */
  get waitingStreams(): number {
    return this.#owing.length + this.#waitingForRoom.size;
  }

  /** Sends no more credit. */
  stop(): void {
    this.#stopped = true;
    this.#owing = [];
    this.#waitingForRoom.clear();
    this.#delayedCredit.stop();
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    this.#timeIsFresh = false;
    this.#options.onEnd();
    if (this.#stopped) return;
    if (this.#owing.length > 0) this.#sendOwedCredit();
    this.#options.send();
    // A sink that receives within `send` may have released more items. A link never does: see
    // connection/inbound-messages.ts.
    if (this.#owing.length > 0) this.scheduleFlush();
  };

  #sendOwedCredit(): void {
    const owing = this.#owing;
    this.#owing = [];
    // These frames leave with the flush that is running.
    this.#flushScheduled = true;
    for (const stream of owing) guarded(this.#options.onThrown, sendCredit, stream);
    this.#flushScheduled = false;
    // No further flush is scheduled that would end the validity of a reading taken meanwhile.
    this.#timeIsFresh = false;
  }

  /** Sends what is queued now, before the turn ends: the socket has room again. */
  flushNow(): void {
    if (!this.#stopped) this.#flush();
  }
}

// Created once, for guarded().
function sendCredit(stream: StreamMux): void {
  stream.creditDue = false;
  stream.sendCredit();
}
