/**
 * Credit of one direction of a stream, at its receiver.
 *
 *     granted ──receive──▶ held ──release──▶ owed ──takeGrant──▶ granted
 *                                   └─▶ gone, while the window shrinks
 *
 *     granted + held + owed = size (+ what is still to go)
 *
 * A fixed window only turns round. One that may grow doubles when the consumer has taken all that came, and halves when
 * most of it waits: a fast consumer gets full speed, a slow one never has more than a few items waiting.
 */

import type { Window } from '../limits.js';

/** The receiving side of a credit window. */
export class ReceiveWindow {
  /** Items that may be on the way or waiting at once, now. */
  size: number;
  /** Received and not released. */
  held = 0;
  /** Released and not yet told to the sender. */
  owed = 0;

  readonly #announced: boolean;
  readonly #initial: number;
  readonly #max: number;
  readonly #maxBytes: number;
  #granted: number;
  // Released items whose credit is kept back, because the window shrinks.
  #excess = 0;
  // Since the last growth.
  #receivedItems = 0;
  // Moving estimate of an item's size.
  #itemBytes = 0;

  /**
   * `announced`: the sender takes many credits in one frame, so they are told in lots and the window may grow. Else it
   * stays at `window.initial` and every release is told.
   */
  constructor(window: Window, announced: boolean) {
    this.size = window.initial;
    this.#announced = announced;
    this.#initial = window.initial;
    this.#max = announced ? window.max : window.initial;
    this.#maxBytes = window.maxBytes ?? 4 << 20;
    this.#granted = window.initial;
  }

  /** Takes one item in; false where the sender had no credit for it. */
  receive(bytes: number): boolean {
    if (this.#granted === 0) return false;
    this.#granted--;
    this.held++;
    if (this.#max !== this.#initial) {
      this.#receivedItems++;
      this.#itemBytes += (bytes - this.#itemBytes) / 8;
      if (this.size > this.#initial && this.#excess === 0 && this.held * 4 > this.size * 3) this.#shrink();
    }
    return true;
  }

  /** The consumer is done with one item. True where the credit that is owed should be told now. */
  release(): boolean {
    this.held--;
    if (this.#excess > 0) this.#excess--;
    else this.owed++;
    // Told before a quarter of the window is owed, a credit costs a frame and gains nothing: the sender has the rest.
    return this.#announced ? this.owed * 4 >= this.size : this.owed > 0;
  }

  /** What to tell the sender now: the credit owed, and more where the window grows. */
  takeGrant(): number {
    let grant = this.owed;
    this.owed = 0;
    if (this.held === 0 && this.size < this.#max && this.#receivedItems * 2 >= this.size) grant += this.#grow();
    this.#granted += grant;
    return grant;
  }

  #grow(): number {
    const room = Math.floor(this.#maxBytes / Math.max(1, this.#itemBytes));
    const size = Math.min(this.size * 2, this.#max, Math.max(room, this.#initial));
    const more = size - this.size;
    this.#receivedItems = 0;
    if (more <= 0) return 0;
    this.size = size;
    return more;
  }

  #shrink(): void {
    const size = Math.max(this.#initial, this.size >> 1);
    this.#excess = this.size - size;
    this.size = size;
  }
}
