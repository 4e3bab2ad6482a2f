import { ProtocolError } from '../errors.js';

/**
 * How many calls the other side may cancel: as many as may be open, at once, and so many per second. An open call that is
 * cancelled costs it two small frames, and this side a start of the handler.
 */
export class CancelBudget {
  readonly #perSecond: number;
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #lookedAt: number;

  constructor(perSecond: number, atOnce: number, now: number) {
    this.#perSecond = perSecond;
    this.#perMs = perSecond / 1_000;
    this.#most = Math.max(perSecond, atOnce);
    this.#left = this.#most;
    this.#lookedAt = now;
  }

  /** Takes one cancel; false where there were too many. */
  take(now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + (now - this.#lookedAt) * this.#perMs) - 1;
    this.#lookedAt = now;
    return this.#left >= 0;
  }

  /** Why the connection closes once {@link take} has given false. */
  get fault(): ProtocolError {
    return new ProtocolError(
      `The other side cancels more than ${String(this.#perSecond)} calls per second (maxCancelsPerSecond).`,
    );
  }
}
