import { ProtocolError } from '../errors.js';

/**
 * A token bucket for the calls that the other side cancels, or has ended by a fault of its own: a burst of as many as
 * may be open, and `perSecond` on average. To open and cancel a call costs the other side two small frames, and this
 * side the start of a handler.
 */
export class CancelBudget {
  readonly #perSecond: number;
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #updatedAt: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#perMs = perSecond / 1_000;
    this.#capacity = Math.max(perSecond, burst);
    this.#tokens = this.#capacity;
    this.#updatedAt = now;
  }

  /** Takes one token; false where none is left. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#updatedAt) * this.#perMs) - 1;
    this.#updatedAt = now;
    return this.#tokens >= 0;
  }

  /** The error with which the connection closes once {@link take} has returned false. */
  get fault(): ProtocolError {
    return new ProtocolError(
      `The other side cancels more than ${String(this.#perSecond)} calls per second (maxCancelsPerSecond).`,
    );
  }
}
