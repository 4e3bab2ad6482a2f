/**
 * The connection's pings: one at once to learn the round-trip time, then one each interval. A Pong that is older than
 * two intervals means that the other side is gone (wire protocol, section 5).
 *
 *     waiting ──interval, or the machine has slept──▶ Ping ──▶ waiting ──two intervals without a Pong──▶ silent
 *
 * All of it runs on the monotonic clock: a wall clock that is set ends no connection.
 */

import type { Runtime } from '../runtime.js';
import { decodePing, decodePong, encodePing, encodePong } from '../wire/control.js';
import { timestampFromMs, timestampToMs } from '../wire/timestamp.js';
import { WakeWatch } from './wake-watch.js';

/** See the head of this file. */
export class Keepalive {
  /** Round-trip time of the last ping, in ms; undefined before the first Pong. */
  rtt: number | undefined = undefined;
  /** Shortest round-trip time of all pings, in ms; Infinity before the first Pong. */
  shortest = Infinity;

  readonly #runtime: Runtime;
  readonly #interval: number;
  readonly #sendPing: (payload: Uint8Array) => void;
  readonly #onSilence: () => void;
  // A Ping carries a date, which its Pong repeats, and only its sender reads: the monotonic time, counted from this one.
  readonly #epoch: number;
  readonly #stopWatch: () => void;
  #lastPong: number;
  #cancel: (() => void) | undefined = undefined;

  constructor(runtime: Runtime, interval: number, sendPing: (payload: Uint8Array) => void, onSilence: () => void) {
    this.#runtime = runtime;
    this.#interval = interval;
    this.#sendPing = sendPing;
    this.#onSilence = onSilence;
    this.#epoch = runtime.wallNow() - runtime.now();
    this.#lastPong = runtime.now();
    this.#stopWatch = WakeWatch.of(runtime).listen(() => {
      this.#askAgain();
    });
    this.#wait();
  }

  /** Sends a Ping out of turn, to learn the round-trip time. */
  ping(): void {
    this.#sendPing(encodePing({ time: timestampFromMs(this.#epoch + this.#runtime.now()) }));
  }

  /** Takes the payload of a Pong. @throws ProtocolError */
  onPong(payload: Uint8Array): void {
    const { time } = decodePong(payload);
    const now = this.#runtime.now();
    this.#lastPong = now;
    if (time === undefined) return;
    this.rtt = Math.max(0, now - (timestampToMs(time) - this.#epoch));
    this.shortest = Math.min(this.shortest, this.rtt);
  }

  stop(): void {
    this.#stopWatch();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  // While the machine slept the other side may have given the connection up, and its farewell may be lost. A Ping finds
  // that out: a peer that has closed the connection resets it, and one that is no longer there is silent for an interval.
  #askAgain(): void {
    this.#lastPong = this.#runtime.now() - this.#interval;
    this.#cancel?.();
    this.ping();
    this.#wait();
  }

  // An interval, or less where the last Pong gets too old before: a whole round more would pass until it is looked at.
  #untilNext(): number {
    const silentAt = this.#lastPong + 2 * this.#interval;
    return Math.min(this.#interval, Math.max(0, silentAt - this.#runtime.now()));
  }

  #wait(): void {
    const due = this.#runtime.now() + this.#untilNext();
    this.#cancel = this.#runtime.schedule(
      () => {
        const now = this.#runtime.now();
        // A process that was held up has read nothing: it must not blame the other side, whose Pong may be waiting. It
        // gives it one interval more.
        if (now - due > this.#interval / 2) this.#lastPong = Math.max(this.#lastPong, now - this.#interval);
        if (now - this.#lastPong >= 2 * this.#interval) {
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

/** The payload that answers a Ping of the connection. @throws ProtocolError where it is none. */
export function answerPing(payload: Uint8Array): Uint8Array {
  return encodePong({ unknown: false, error: undefined, time: decodePing(payload).time });
}
