/**
 * The connection's pings: one at once to measure the round-trip time, then one per interval. If the last Pong is older than
 * two intervals, the other side is lost (wire protocol, section 5).
 *
 *     waiting ──interval, or the machine has slept──▶ Ping ──▶ waiting ──two intervals without a Pong──▶ silent
 *
 * All times are on the monotonic clock, so setting the wall clock ends no connection.
 */

import type { Runtime } from '../runtime.js';
import { decodePing, decodePong, encodePing, encodePong } from '../wire/payloads/control.js';
import { timestampFromMs, timestampToMs } from '../wire/msgpack/timestamp.js';
import { WakeWatch } from './wake-watch.js';

/** Pings the other side of a connection, and reports when it has been silent for two intervals. */
export class Keepalive {
  /** Round-trip time of the last ping, in ms; undefined before the first Pong. */
  rtt: number | undefined = undefined;
  /** Shortest round-trip time of all pings, in ms; Infinity before the first Pong. */
  shortest = Infinity;

  readonly #runtime: Runtime;
  readonly #interval: number;
  readonly #sendPing: (payload: Uint8Array) => void;
  readonly #onSilence: () => void;
  // A Ping carries a date, which its Pong repeats and only its sender reads. It is the monotonic time plus this offset.
  readonly #epoch: number;
  readonly #stopWatch: () => void;
  #lastPong: number;
  #cancel: (() => void) | undefined = undefined;
  #stopped = false;

  constructor(runtime: Runtime, interval: number, sendPing: (payload: Uint8Array) => void, onSilence: () => void) {
    this.#runtime = runtime;
    this.#interval = interval;
    this.#sendPing = sendPing;
    this.#onSilence = onSilence;
    this.#epoch = runtime.wallNow() - runtime.now();
    this.#lastPong = runtime.now();
    this.#stopWatch = WakeWatch.of(runtime).listen(() => {
      this.#pingAfterSleep();
    });
    this.#wait();
  }

  /** Sends a Ping now, to measure the round-trip time. */
  ping(): void {
    this.#sendPing(encodePing({ time: timestampFromMs(this.#epoch + this.#runtime.now()) }));
  }

  /** Handles the payload of a Pong. @throws ProtocolError */
  onPong(payload: Uint8Array): void {
    const { time } = decodePong(payload);
    const now = this.#runtime.now();
    this.#lastPong = now;
    if (time === undefined) return;
    this.rtt = Math.max(0, now - (timestampToMs(time) - this.#epoch));
    this.shortest = Math.min(this.shortest, this.rtt);
  }

  /** Sends no more pings. */
  stop(): void {
    this.#stopped = true;
    this.#stopWatch();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  // While the machine slept, the other side may have closed the connection, and its close frame may be lost. A Ping detects
  // that: a peer that has closed the connection resets it, and a peer that is gone is silent for an interval.
  #pingAfterSleep(): void {
    this.#runtime.sometimes?.('a connection was asked after a sleep of the machine');
    this.#lastPong = this.#runtime.now() - this.#interval;
    this.#cancel?.();
    this.ping();
    this.#wait();
  }

  // One interval, or less where the last Pong gets too old before that: otherwise another interval would pass unnoticed.
  #untilNext(): number {
    return Math.min(this.#interval, Math.max(0, this.#silentAt - this.#runtime.now()));
  }

  // The same expression for the wait and for the comparison: rounded differently, a timer of 0 ms would follow the other.
  get #silentAt(): number {
    return this.#lastPong + 2 * this.#interval;
  }

  #wait(): void {
    // Sending the ping may have ended the connection.
    if (this.#stopped) return;
    const due = this.#runtime.now() + this.#untilNext();
    this.#cancel = this.#runtime.schedule(
      () => {
        const now = this.#runtime.now();
        // A process that was suspended has read nothing, and a Pong may be waiting in the socket: the other side gets one
        // more interval.
        if (now - due > this.#interval / 2) {
          this.#runtime.sometimes?.('a process that was held up gave the other side more time');
          this.#lastPong = Math.max(this.#lastPong, now - this.#interval);
        }
        if (now >= this.#silentAt) {
          this.#runtime.sometimes?.('a silent peer was given up');
          this.stop();
          this.#onSilence();
          return;
        }
        this.ping();
        this.#wait();
      },
      Math.max(0, due - this.#runtime.now()),
    );
  }
}

/** The payload of the Pong that answers a Ping of the connection. @throws ProtocolError for an invalid payload. */
export function answerPing(payload: Uint8Array): Uint8Array {
  return encodePong({ unknown: false, error: undefined, time: decodePing(payload).time });
}
