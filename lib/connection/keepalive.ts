import type { Runtime } from '../runtime.js';
import { decodePing, decodePong, encodePing, encodePong } from '../wire/control.js';
import { timestampFromMs, timestampToMs } from '../wire/timestamp.js';

/**
 * The connection's pings: one at once to learn the round-trip time, then one each interval. A Pong that is older than
 * two intervals means that the other side is gone (wire protocol, section 5).
 */
export class Keepalive {
  /** Round-trip time of the last ping, in ms; undefined before the first Pong. */
  rtt: number | undefined = undefined;
  /** Shortest round-trip time of all pings, in ms; Infinity before the first Pong. */
  shortest = Infinity;

  readonly #runtime: Runtime;
  readonly #interval: number;
  readonly #sendPing: (payload: Uint8Array) => void;
  readonly #onSilence: () => void;
  #lastPong: number;
  #cancel: (() => void) | undefined = undefined;

  constructor(runtime: Runtime, interval: number, sendPing: (payload: Uint8Array) => void, onSilence: () => void) {
    this.#runtime = runtime;
    this.#interval = interval;
    this.#sendPing = sendPing;
    this.#onSilence = onSilence;
    this.#lastPong = runtime.now();
    this.#wait();
  }

  /** Sends a Ping out of turn, to learn the round-trip time. */
  ping(): void {
    this.#sendPing(encodePing({ time: timestampFromMs(this.#runtime.now()) }));
  }

  /** Takes the payload of a Pong. @throws ProtocolError */
  onPong(payload: Uint8Array): void {
    const { time } = decodePong(payload);
    const now = this.#runtime.now();
    this.#lastPong = now;
    if (time === undefined) return;
    this.rtt = Math.max(0, now - timestampToMs(time));
    this.shortest = Math.min(this.shortest, this.rtt);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
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
        // A process that was held up for long has read nothing: it must not blame the other side, whose Pong may be
        // waiting. It asks again, and gives it one interval.
        if (now - due > this.#interval / 2) this.#lastPong = Math.max(this.#lastPong, now - this.#interval);
        if (now - this.#lastPong >= 2 * this.#interval) {
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
