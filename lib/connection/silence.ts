/**
 * Decides when the other side of a connection has been silent for too long.
 *
 *     answering ──two intervals without a Pong──▶ silent
 *      ▲   │                                       ▲
 *      │   └─ this side slept, or was held up ──▶ reprieved ──one interval──┘
 *      └──────────────────── Pong ───────────────────┘
 *
 * After a sleep a Pong may be lost or unread, so the other side gets one interval from then on. It gets only one until
 * its next Pong: a wall clock that is set often looks like many sleeps, and the timers of a process may always be late.
 *
 * A Pong may also wait behind what this side has still to read, or behind a long message on a slow line. Then the other
 * side has an interval from the end of the backlog, or from the last part of the message.
 */

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

/**
 * Bytes per second with which a message must arrive to count as one on a slow line. Without this bound a peer could
 * have this side keep half a message for ever, a byte per interval, and the pings of a proxy would keep the connection
 * of a host that is gone.
 */
const leastArrivalRate = 1 << 10;

/** How long the other side of a connection has been silent, and how long it may be. All times are monotonic, in ms. */
export class Silence {
  readonly #interval: number;
  readonly #arrivals: Arrivals;
  // When the next Pong must have come, whatever else arrives.
  #pongBy: number;
  #reprieved = false;
  // Where the count of the bytes of a message began.
  #counted: { readonly at: number; readonly lastArrival: number; readonly bytes: number };
  // When a part of a message, large enough for the time it took, and no whole one, was found to have arrived.
  #lastPart = -Infinity;

  constructor(interval: number, arrivals: Arrivals, now: number) {
    this.#interval = interval;
    this.#arrivals = arrivals;
    this.#pongBy = now + 2 * interval;
    this.#counted = this.#countFrom(now);
  }

  /** When the silence will have lasted too long. It moves on while messages, or large parts of them, arrive. */
  get endsAt(): number {
    return Math.max(this.#pongBy, this.#arrivals.unreadUntil + this.#interval, this.#lastPart + this.#interval);
  }

  /** A Pong has arrived. */
  onPong(now: number): void {
    this.#pongBy = now + 2 * this.#interval;
    this.#reprieved = false;
  }

  /** The machine may have slept until now: the other side has to answer within one interval. */
  reprieveAfterSleep(now: number): void {
    if (this.#reprieved) return;
    this.#reprieved = true;
    this.#pongBy = now + this.#interval;
  }

  /** This process was held up until now: the other side has one interval at least. */
  reprieveAfterHoldUp(now: number): void {
    if (this.#pongBy < now + this.#interval) this.reprieveAfterSleep(now);
  }

  /** Finds out whether a part of a message has arrived. Call it before {@link endsAt} is compared with the time. */
  countParts(now: number): void {
    const { at, lastArrival, bytes } = this.#counted;
    const { lastArrival: newest, readBytes = 0 } = this.#arrivals;
    const partBytes = newest === lastArrival ? readBytes - bytes : 0;
    // In a short time, a few bytes would be a high rate.
    const elapsed = Math.max(now - at, this.#interval);
    const isPart = partBytes > 0 && partBytes * 1_000 >= leastArrivalRate * elapsed;
    if (isPart) this.#lastPart = now;
    if (isPart || now - at >= this.#interval) this.#counted = this.#countFrom(now);
  }

  #countFrom(at: number): { readonly at: number; readonly lastArrival: number; readonly bytes: number } {
    return { at, lastArrival: this.#arrivals.lastArrival, bytes: this.#arrivals.readBytes ?? 0 };
  }
}
