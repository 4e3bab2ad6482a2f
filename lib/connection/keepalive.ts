/**
 * The connection's pings: one at once to measure the round-trip time, then one per interval. If the last Pong is older
 * than two intervals, the other side is lost (wire protocol, section 5).
 *
 *     waiting ──interval, or the machine has slept──▶ Ping ──▶ waiting ──two intervals without a Pong──▶ silent
 *
 * A Pong may come late although both sides are well: it waits behind what this side has still to read, or behind a long
 * message on a slow line. Then the other side is not blamed. Nor must it blame this side, whose answer comes as late:
 * so this side sends a Pong by itself, one per interval.
 *
 * All times are on the monotonic clock, so setting the wall clock ends no connection.
 */

import type { Runtime } from '../runtime.js';
import { decodePing, decodePong, encodePing, encodePong } from '../wire/payloads/control.js';
import { timestampFromMs, timestampToMs } from '../wire/msgpack/timestamp.js';
import { WakeWatch } from './wake-watch.js';

/** When messages and bytes of the peer arrived over a connection, as far as this side knows. */
export interface Arrivals {
  /** When the last message arrived, on the monotonic clock, in ms; −Infinity before the first one. */
  readonly lastArrival: number;
  /** Until when messages that had arrived waited to be read: now where some wait, −Infinity where none ever did. */
  readonly unreadUntil: number;
  /**
   * Bytes that were read from the network, of messages that are not complete, too. Undefined where the platform does
   * not show it.
   */
  readonly readBytes: number | undefined;
}

/** What a {@link Keepalive} does. */
export interface KeepaliveActions {
  sendPing(payload: Uint8Array): void;
  /** Sends a Pong that answers no Ping. Undefined for a peer that does not expect one. */
  readonly sendPong?: ((payload: Uint8Array) => void) | undefined;
  /** The other side has been silent for two intervals. */
  onSilence(): void;
}

/**
 * Bytes per second with which a message must arrive to count as one on a slow line. Without this bound a peer could
 * have this side keep half a message for ever, a byte per interval, and the pings of a proxy would keep the connection
 * of a host that is gone.
 */
const leastArrivalRate = 1 << 10;

/** Time, in ms, after a backlog was read in which the socket, which was paused, is read on. */
const afterBacklog = 100;

/** Pings the other side of a connection, and reports when it has been silent for two intervals. */
export class Keepalive {
  /** Round-trip time of the last ping, in ms; undefined before the first Pong. */
  rtt: number | undefined = undefined;
  /** Shortest round-trip time of all pings, in ms; Infinity before the first Pong. */
  shortest = Infinity;

  readonly #runtime: Runtime;
  readonly #interval: number;
  readonly #arrivals: Arrivals;
  readonly #actions: KeepaliveActions;
  // A Ping carries a date, which its Pong repeats and only its sender reads. It is the monotonic time plus this offset.
  readonly #epoch: number;
  readonly #stopWatch: () => void;
  #lastPong: number;
  // What had arrived at the last check.
  #checked: Arrivals & { readonly at: number };
  // When a part of a message, large enough for the time it took, and no whole one, was found to have arrived.
  #lastPart = -Infinity;
  #cancel: (() => void) | undefined = undefined;
  #stopped = false;

  constructor(runtime: Runtime, interval: number, arrivals: Arrivals, actions: KeepaliveActions) {
    this.#runtime = runtime;
    this.#interval = interval;
    this.#arrivals = arrivals;
    this.#actions = actions;
    this.#epoch = runtime.wallNow() - runtime.now();
    this.#lastPong = runtime.now();
    this.#checked = this.#arrivedAt(runtime.now());
    this.#stopWatch = WakeWatch.of(runtime).listen(() => {
      this.#pingAfterSleep();
    });
    this.#wait();
  }

  /** Sends a Ping now, to measure the round-trip time. */
  ping(): void {
    this.#actions.sendPing(encodePing({ time: timestampFromMs(this.#epoch + this.#runtime.now()) }));
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

  /** True: the answer to the last ping but one has not come, so the other side is behind with reading, or gone. */
  get isPongOverdue(): boolean {
    return this.#runtime.now() - this.#lastPong > 1.5 * this.#interval;
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
    this.#lastPong = this.#runtime.now() - this.#interval;
    this.#cancel?.();
    this.ping();
    this.#wait();
  }

  // One interval, or less where the last sign of life gets too old before that: otherwise another interval would pass
  // unnoticed.
  #untilNext(): number {
    return Math.min(this.#interval, Math.max(0, this.#silentAt - this.#runtime.now()));
  }

  // The same expression for the wait and for the comparison: rounded differently, a timer of 0 ms would follow the
  // other.
  get #silentAt(): number {
    return Math.max(
      this.#lastPong + 2 * this.#interval,
      this.#arrivals.unreadUntil + afterBacklog,
      this.#lastPart + this.#interval,
    );
  }

  #arrivedAt(at: number): Arrivals & { readonly at: number } {
    const { lastArrival, unreadUntil, readBytes } = this.#arrivals;
    return { at, lastArrival, unreadUntil, readBytes };
  }

  // Finds what has arrived since the last check. What the other side asks or answers may be among what is still unread.
  #check(now: number): void {
    const last = this.#checked;
    const { lastArrival, unreadUntil, readBytes = 0 } = (this.#checked = this.#arrivedAt(now));
    const partBytes = lastArrival === last.lastArrival ? readBytes - (last.readBytes ?? 0) : 0;
    // Between two checks that follow closely, a few bytes would be a high rate.
    const elapsed = Math.max(now - last.at, this.#interval / 2);
    const isPart = partBytes > 0 && partBytes * 1_000 >= leastArrivalRate * elapsed;
    if (isPart) this.#lastPart = now;
    if (isPart || unreadUntil > last.at) {
      this.#runtime.sometimes?.('a pong was sent by itself');
      this.#actions.sendPong?.(encodePong({ unknown: false, error: undefined, time: undefined }));
    }
  }

  #wait(): void {
    // Sending the ping may have ended the connection.
    if (this.#stopped) return;
    const due = this.#runtime.now() + this.#untilNext();
    this.#cancel = this.#runtime.schedule(
      () => {
        const now = this.#runtime.now();
        // A process that was suspended has read nothing, and a Pong may be waiting in the socket: the other side gets
        // one more interval.
        if (now - due > this.#interval / 2) {
          this.#runtime.sometimes?.('a process that was held up gave the other side more time');
          this.#lastPong = Math.max(this.#lastPong, now - this.#interval);
        }
        this.#check(now);
        if (now >= this.#silentAt) {
          this.#runtime.sometimes?.('a silent peer was given up');
          this.stop();
          this.#actions.onSilence();
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
