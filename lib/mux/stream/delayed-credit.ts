/**
 * Sends credit that does not fill a batch a round trip after it was released, as TCP delays an acknowledgement. A
 * sender that uses a smaller window than this side, or that has used all its credit, never waits longer than that.
 *
 *     release, no batch is full ──▶ delayed ──a round trip──▶ due at the end of that turn, if it is still owed
 */

import type { StreamMux } from './stream.js';

/** What {@link DelayedCredit} needs from the turn of its engine. */
export interface CreditHost {
  /** Shortest round trip of the connection so far, in ms; Infinity while it is unknown. */
  readonly roundTrip: number;
  oweCredit(stream: StreamMux): void;
}

/** Longest delay, in ms, even where a round trip takes longer. */
const maxDelay = 10;
/** Shortest delay, in ms: no timer is shorter. */
const minDelay = 1;

/** Delays the sending of credit that fills no batch by a round trip. */
export class DelayedCredit {
  readonly #host: CreditHost;
  readonly #schedule: (task: () => void, ms: number) => () => void;
  #streams: StreamMux[] = [];
  #cancel: (() => void) | undefined = undefined;

  constructor(host: CreditHost, schedule: (task: () => void, ms: number) => () => void) {
    this.#host = host;
    this.#schedule = schedule;
  }

  /** Sends the credit of this stream a round trip from now, if it is still owed then. */
  add(stream: StreamMux): void {
    stream.creditDelayed = true;
    this.#streams.push(stream);
    if (this.#cancel !== undefined) return;
    const delay = Math.max(minDelay, Math.min(this.#host.roundTrip, maxDelay));
    this.#cancel = this.#schedule(this.#onTime, delay);
  }

  /** Cancels all delayed credit. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#streams = [];
  }

  readonly #onTime = (): void => {
    this.#cancel = undefined;
    const streams = this.#streams;
    this.#streams = [];
    for (const stream of streams) {
      stream.creditDelayed = false;
      if (stream.owesCredit) this.#host.oweCredit(stream);
    }
  };
}
