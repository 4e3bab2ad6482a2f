/**
 * The connection's pings: one at once to measure the round-trip time, then one per interval. If the last sign of life is older
 * than two intervals, the other side is lost (wire protocol, section 5).
 *
 *     waiting ──interval, or the machine has slept──▶ Ping ──▶ waiting ──two intervals without a sign──▶ silent
 *
 * A Pong is a sign of life. It may come late, though both sides are well: it waits behind what one of them has still to read.
 * So these are signs, too:
 *
 * - This side is behind with reading: the Pong may be among what has arrived.
 * - A message arrives, or a part of one, behind which the Pong has to wait, while the other side takes what is sent to it: it is behind with reading the Ping. One that takes nothing
 *   would make this side hold all that it is sent, so of that one only a Pong counts; likewise after a sleep of the machine, when
 *   what arrives may have been sent before it.
 *
 * All times are on the monotonic clock, so setting the wall clock ends no connection.
 */

import type { Runtime } from '../runtime.js';
import { decodePing, decodePong, encodePing, encodePong } from '../wire/payloads/control.js';
import { timestampFromMs, timestampToMs } from '../wire/msgpack/timestamp.js';
import { WakeWatch } from './wake-watch.js';
import type { SocketProgress } from '../transport/socket.js';

/** What passes over a connection, as far as this side knows. */
export interface Traffic {
  /** When the last message arrived, on the monotonic clock, in ms; −Infinity before the first one. */
  readonly lastArrival: number;
  /** Until when messages that had arrived waited to be read: now where some wait, −Infinity where none ever did. */
  readonly unreadUntil: number;
  /** Bytes that the network has taken. */
  readonly takenBytes: number;
  /** Bytes that wait until the network takes them. */
  readonly waitingBytes: number;
  /** What is known of the messages that are under way. */
  readonly progress?: SocketProgress | undefined;
}

/** What had passed at the time of a check. */
interface Checked extends Pick<Traffic, 'lastArrival' | 'takenBytes'>, SocketProgress {
  readonly at: number;
}

function checkedAt(at: number, { lastArrival, takenBytes, progress }: Traffic): Checked {
  const { readBytes = 0, unwrittenBytes = 0 } = progress ?? {};
  return { at, lastArrival, takenBytes, readBytes, unwrittenBytes };
}

/** Pings the other side of a connection, and reports when it has been silent for two intervals. */
export class Keepalive {
  /** Round-trip time of the last ping, in ms; undefined before the first Pong. */
  rtt: number | undefined = undefined;
  /** Shortest round-trip time of all pings, in ms; Infinity before the first Pong. */
  shortest = Infinity;

  readonly #runtime: Runtime;
  readonly #interval: number;
  readonly #traffic: Traffic;
  readonly #sendPing: (payload: Uint8Array) => void;
  readonly #onSilence: () => void;
  // A Ping carries a date, which its Pong repeats and only its sender reads. It is the monotonic time plus this offset.
  readonly #epoch: number;
  readonly #stopWatch: () => void;
  #lastPong: number;
  // Set after a sleep of the machine, until the next Pong.
  #onlyPongs = false;
  // The other side has taken nothing since the time before the last one that this was checked.
  #takesNothing = false;
  #checked: Checked;
  // When a part of a message was found to have arrived.
  #lastPart = -Infinity;
  #cancel: (() => void) | undefined = undefined;
  #stopped = false;

  constructor(
    runtime: Runtime,
    interval: number,
    traffic: Traffic,
    sendPing: (payload: Uint8Array) => void,
    onSilence: () => void,
  ) {
    this.#runtime = runtime;
    this.#interval = interval;
    this.#traffic = traffic;
    this.#sendPing = sendPing;
    this.#onSilence = onSilence;
    this.#epoch = runtime.wallNow() - runtime.now();
    this.#lastPong = runtime.now();
    this.#checked = checkedAt(runtime.now(), traffic);
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
    this.#onlyPongs = false;
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

  // While the machine slept, the other side may have closed the connection, and its close frame may be lost. A Ping detects
  // that: a peer that has closed the connection resets it, and a peer that is gone is silent for an interval.
  #pingAfterSleep(): void {
    this.#runtime.sometimes?.('a connection was asked after a sleep of the machine');
    this.#lastPong = this.#runtime.now() - this.#interval;
    this.#onlyPongs = true;
    this.#cancel?.();
    this.ping();
    this.#wait();
  }

  // One interval, or less where the last sign gets too old before that: otherwise another interval would pass unnoticed.
  #untilNext(): number {
    return Math.min(this.#interval, Math.max(0, this.#silentAt - this.#runtime.now()));
  }

  // The same expression for the wait and for the comparison: rounded differently, a timer of 0 ms would follow the other.
  get #silentAt(): number {
    const { lastArrival, unreadUntil } = this.#traffic;
    const arrived = this.#onlyPongs || this.#takesNothing ? -Infinity : Math.max(lastArrival, this.#lastPart);
    return Math.max(this.#lastPong, unreadUntil, arrived) + 2 * this.#interval;
  }

  // Notes what has passed since the last check.
  #check(now: number): void {
    const last = this.#checked;
    // Within a short time, a slow line may pass nothing.
    if (now - last.at < this.#interval / 2) return;
    const { waitingBytes } = this.#traffic;
    const next = (this.#checked = checkedAt(now, this.#traffic));
    this.#takesNothing =
      waitingBytes > 0 && next.takenBytes <= last.takenBytes && next.unwrittenBytes === last.unwrittenBytes;
    // The time of a whole message is known.
    if (next.readBytes > last.readBytes && next.lastArrival === last.lastArrival) this.#lastPart = now;
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
        this.#check(now);
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
