/**
 * The connection's pings: one at once to measure the round-trip time, then one per interval. If the last Pong is older
 * than two intervals, the other side is lost (wire protocol, section 5; `silence` has the exceptions).
 *
 *     waiting ──an interval since the last Ping, or the machine has slept──────▶ Ping ──▶ waiting
 *        ├──one and a half of the other side's intervals since the last Pong──▶ Pong ──▶ waiting
 *        └──the other side was silent for too long────────────────────────────▶ silent
 *
 * A Ping of the other side may wait behind what this side has still to read, or behind a long message on a slow line.
 * It must not give this side up for that, so this side then sends a Pong by itself: an empty one to an rxgrid host, and
 * to a reference peer, which expects the time of its Ping in it, once more the answer to the newest Ping that was read.
 *
 * All times are on the monotonic clock, so setting the wall clock ends no connection.
 */

import type { Runtime } from '../runtime.js';
import { decodePing, decodePong, encodePing, encodePong } from '../wire/payloads/control.js';
import { timestampFromMs, timestampToMs } from '../wire/msgpack/timestamp.js';
import { Silence, type Arrivals } from './silence.js';
import { WakeWatch } from './wake-watch.js';

/** The parts of a Ping, or of a Pong, that are not fixed. */
export interface PingFrame {
  readonly payload: Uint8Array;
  /** A Pong repeats those of its Ping. */
  readonly seq: number;
  /** The interval of the side that sends the Ping. */
  readonly deadlineMs: number;
}

/** The other side, as a {@link Keepalive} sees it. */
export interface PingedSide {
  /** False: each Pong to it has to carry the time of one of its Pings. */
  readonly takesEmptyPongs: boolean;
  sendPing(payload: Uint8Array): void;
  sendPong(pong: PingFrame): void;
  /** The other side has been silent for two intervals. */
  onSilence(): void;
}

/**
 * Intervals after which a Ping, or the answer to one, is overdue: it waits unread, or the other side is gone. Half an
 * interval is left until the other side counts this one as lost.
 */
const overdueAfter = 1.5;
/** A shorter interval that the other side names does not count, in ms: it must not have this side send without end. */
const leastInterval = 1_000;
/** Time, in ms, in which a process that is held up again and again reads what has arrived, before it decides. */
const readingTime = 500;

/** Pings the other side of a connection, and reports when it has been silent for two intervals. */
export class Keepalive {
  /** Round-trip time of the last ping, in ms; undefined before the first Pong. */
  rtt: number | undefined = undefined;
  /** Shortest round-trip time of all pings, in ms; Infinity before the first Pong. */
  shortest = Infinity;

  readonly #runtime: Runtime;
  readonly #interval: number;
  readonly #other: PingedSide;
  readonly #silence: Silence;
  // A Ping carries a date, which its Pong repeats and only its sender reads. It is the monotonic time plus this offset.
  readonly #epoch: number;
  readonly #stopWatch: () => void;
  // When the other side last answered a Ping. A Pong that it sends by itself is no answer.
  #answeredAt: number;
  #pingAt: number;
  // The Pong that this side sends by itself. Undefined: the other side would not understand it yet.
  #ownPong: PingFrame | undefined;
  #pongSentAt: number;
  #theirInterval: number;
  #due = Infinity;
  #cancel: (() => void) | undefined = undefined;
  #stopped = false;

  /** `interval`: in ms. */
  constructor(runtime: Runtime, interval: number, arrivals: Arrivals, other: PingedSide) {
    const now = runtime.now();
    this.#runtime = runtime;
    this.#interval = this.#theirInterval = interval;
    this.#other = other;
    this.#silence = new Silence(interval, arrivals, now);
    this.#epoch = runtime.wallNow() - now;
    this.#answeredAt = this.#pongSentAt = now;
    this.#pingAt = now + interval;
    this.#ownPong = other.takesEmptyPongs ? { payload: emptyPong(), seq: 0, deadlineMs: interval } : undefined;
    this.#stopWatch = WakeWatch.of(runtime).listen(() => {
      this.#pingAfterSleep();
    });
    this.#wait();
  }

  /** Sends a Ping now, to measure the round-trip time. The next one follows after an interval. */
  ping(): void {
    const now = this.#runtime.now();
    this.#pingAt = now + this.#interval;
    this.#other.sendPing(encodePing({ time: timestampFromMs(this.#epoch + now) }));
  }

  /** Answers a Ping. @throws ProtocolError */
  onPing({ payload, seq, deadlineMs }: PingFrame): void {
    const pong = { payload: answerPing(payload), seq, deadlineMs };
    if (!this.#other.takesEmptyPongs) this.#ownPong = pong;
    if (deadlineMs > 0) this.#theirInterval = Math.max(deadlineMs, Math.min(leastInterval, this.#interval));
    this.#sendPong(pong);
    // The first Ping may name a shorter interval.
    if (!this.#stopped && this.#pongAt < this.#due) this.#wait();
  }

  /** Handles the payload of a Pong. @throws ProtocolError */
  onPong(payload: Uint8Array): void {
    const { time } = decodePong(payload);
    const now = this.#runtime.now();
    this.#silence.onPong(now);
    if (time === undefined) return;
    this.#answeredAt = now;
    this.rtt = Math.max(0, now - (timestampToMs(time) - this.#epoch));
    this.shortest = Math.min(this.shortest, this.rtt);
  }

  /** True: the answer to the last ping but one has not come, so the other side is behind with reading, or gone. */
  get isPongOverdue(): boolean {
    return this.#runtime.now() - this.#answeredAt > overdueAfter * this.#interval;
  }

  /** Sends no more pings. */
  stop(): void {
    this.#stopped = true;
    this.#stopWatch();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  // While the machine slept, the other side may have closed the connection, and its close frame may be lost. A Ping
  // detects that: a peer that has closed the connection resets it, and a peer that is gone is silent for an interval.
  #pingAfterSleep(): void {
    this.#runtime.sometimes?.('a connection was asked after a sleep of the machine');
    this.#silence.reprieveAfterSleep(this.#runtime.now());
    this.ping();
    this.#wait();
  }

  get #pongAt(): number {
    return this.#ownPong === undefined ? Infinity : this.#pongSentAt + overdueAfter * this.#theirInterval;
  }

  #sendPong(pong: PingFrame): void {
    this.#pongSentAt = this.#runtime.now();
    this.#other.sendPong(pong);
  }

  // A ping, a pong or the end may move to a later time meanwhile: then the timer is set again when it fires.
  #wait(): void {
    // Sending may have ended the connection.
    if (this.#stopped) return;
    this.#cancel?.();
    this.#setTimer(Math.min(this.#pingAt, this.#pongAt, this.#silence.endsAt), false);
  }

  #setTimer(due: number, hasRead: boolean): void {
    this.#due = due;
    this.#cancel = this.#runtime.schedule(
      () => {
        this.#onTimer(due, hasRead);
      },
      Math.max(0, due - this.#runtime.now()),
    );
  }

  // The other side has had its interval. Timers may run before the sockets are read.
  #readBeforeEnd(now: number): void {
    this.#setTimer(now + Math.min(readingTime, this.#interval), true);
  }

  #end(): void {
    this.#runtime.sometimes?.('a silent peer was given up');
    this.stop();
    this.#other.onSilence();
  }

  #onTimer(due: number, hasRead: boolean): void {
    // A timer may be early by a rounded fraction of a ms: it would be set again and again, with 0 ms.
    const now = Math.max(this.#runtime.now(), due);
    // A process that was suspended has read nothing, and a Pong may be waiting in the socket.
    const wasHeldUp = now - due > this.#interval / 2;
    if (wasHeldUp) {
      this.#runtime.sometimes?.('a process that was held up gave the other side more time');
      this.#silence.reprieveAfterHoldUp(now);
    }
    this.#silence.countParts(now);
    if (now >= this.#silence.endsAt) {
      if (wasHeldUp && !hasRead) this.#readBeforeEnd(now);
      else this.#end();
      return;
    }
    if (now >= this.#pongAt) {
      this.#runtime.sometimes?.('a pong was sent by itself');
      this.#sendPong(this.#ownPong!);
    }
    if (!this.#stopped && now >= this.#pingAt) this.ping();
    this.#wait();
  }
}

function emptyPong(): Uint8Array {
  return encodePong({ unknown: false, error: undefined, time: undefined });
}

/** The payload of the Pong that answers a Ping of the connection. @throws ProtocolError for an invalid payload. */
export function answerPing(payload: Uint8Array): Uint8Array {
  return encodePong({ unknown: false, error: undefined, time: decodePing(payload).time });
}
