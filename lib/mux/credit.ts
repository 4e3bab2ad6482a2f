/**
 * Credit of one direction of a stream, at its receiver.
 *
 *     granted ──receive──▶ held ──release──▶ owed ──takeGrant──▶ granted
 *                                   └─▶ gone, while the window shrinks
 *
 *     granted + held + owed = size (+ what is still to go)
 *
 * A fixed window only turns round. One that may grow is looked at once a window of items is released: it doubles where
 * the consumer had run dry and the whole window went round in about a round trip, and halves where more than half of it
 * waited all the time. So a fast consumer gets full speed, also one that takes what comes together one by one, and a slow
 * one has few items waiting. A window that takes longer to go round than a round trip holds nobody up: a larger one would
 * only make everything else on the connection wait behind its items, and one that takes much longer halves, because its
 * items wait somewhere on the way: in a kernel, mostly, where nothing can overtake them. One of large items shrinks below its initial size, to
 * one item at the least, as soon as their size is seen: what `maxBytes` holds is what waits ahead of everything else.
 */

import { defaultWindow, type CreditWindow } from '../limits.js';

/** Tells how long a window takes to go round. */
export interface Pace {
  /** The time, in ms. */
  now(): number;
  /** Shortest round trip of the connection so far, in ms; Infinity while it is not known. */
  readonly roundTrip: number;
}

/** Ms that a window may take to go round beyond one and a half round trips, and still grow: what both ends need to compute. */
const turnSlack = 0.5;

/** A window of so many bytes does not shrink however long it takes to go round: another call hardly waits for it. */
const minWindowBytes = 1 << 20;

/** A window halves that takes so many times as long to go round as it may take and still grow. */
const longTurns = 2;

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
  readonly #pace: Pace | undefined;
  #granted: number;
  // Items whose credit is kept back when they are released, because the window shrinks.
  #excess = 0;
  // Since the last look: items released, and the fewest that waited.
  #released = 0;
  #fewest = Infinity;
  #lookedAt: number;
  // Moving estimate of an item's size; 0 before the first one.
  #itemBytes = 0;

  /**
   * `announced`: the sender takes many credits in one frame, so they are told in lots and the window may grow. Else it
   * stays at `window.initial` and every release is told. `pace` undefined: it grows however long it takes to go round.
   */
  constructor(window: CreditWindow, announced: boolean, pace?: Pace) {
    this.#pace = pace;
    this.#lookedAt = pace?.now() ?? 0;
    this.size = window.initial;
    this.#announced = announced;
    this.#initial = window.initial;
    this.#max = announced ? window.max : window.initial;
    this.#maxBytes = announced ? (window.maxBytes ?? defaultWindow.maxBytes) : Infinity;
    this.#granted = window.initial;
  }

  /** Takes one item in; false where the sender had no credit for it. */
  receive(bytes: number): boolean {
    if (this.#granted === 0) return false;
    this.#granted--;
    this.held++;
    if (this.#itemBytes === 0) this.#itemBytes = bytes;
    else this.#itemBytes += (bytes - this.#itemBytes) / 8;
    return true;
  }

  /** The consumer is done with one item. True where the credit that is owed should be told now. */
  release(): boolean {
    this.held--;
    this.#released++;
    if (this.held < this.#fewest) this.#fewest = this.held;
    if (this.#excess > 0) this.#excess--;
    else this.owed++;
    if (this.owed === 0) return false;
    // Told before a quarter of the window is owed, a credit costs a frame and gains nothing while the sender has others.
    return !this.#announced || this.#granted === 0 || this.owed * 4 >= this.size;
  }

  /** What to tell the sender now: the credit owed, and more where the window grows. */
  takeGrant(): number {
    if (this.#released >= this.size) this.#look();
    else if (this.size > 1 && this.size * this.#itemBytes > this.#maxBytes) this.#resize(this.#room);
    const grant = this.owed;
    this.owed = 0;
    this.#granted += grant;
    return grant;
  }

  // Items that maxBytes holds.
  get #room(): number {
    return Math.max(1, Math.floor(this.#maxBytes / Math.max(1, this.#itemBytes)));
  }

  #look(): void {
    let size = this.size;
    const turns = this.#turns();
    if (this.#fewest === 0 && turns <= 1) size *= 2;
    else if (this.#fewest * 2 > size) size = Math.max(size >> 1, Math.min(size, this.#initial));
    else if (turns > longTurns) size = Math.max(size >> 1, Math.min(size, this.#least));
    this.#resize(Math.min(size, this.#max, this.#room));
    this.#released = 0;
    this.#fewest = Infinity;
  }

  #resize(size: number): void {
    // What the window loses is kept back from what is owed, and then from later releases.
    const owed = this.owed - this.#excess + size - this.size;
    this.owed = Math.max(0, owed);
    this.#excess = Math.max(0, -owed);
    this.size = size;
  }

  // Items below which a window does not shrink because it takes long.
  get #least(): number {
    return Math.max(2, Math.ceil(minWindowBytes / Math.max(1, this.#itemBytes)));
  }

  // How long the window took to go round, in parts of what it may take and still grow.
  #turns(): number {
    if (this.#pace === undefined) return 0;
    const now = this.#pace.now();
    const took = now - this.#lookedAt;
    this.#lookedAt = now;
    return took / (this.#pace.roundTrip * 1.5 + turnSlack);
  }
}
