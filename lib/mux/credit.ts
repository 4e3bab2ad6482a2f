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
 *
 * Credit is sent in lots. A release that makes no lot full is sent a round trip later at the latest (`Engine`), so no
 * sender waits longer for credit that is owed, whatever it knows of this window.
 *
 * Between hosts that announced `bytes`, the window also bounds the bytes that the sender has sent and that this side has
 * not acknowledged. Both sides count the same items: those of each grant are the oldest ones.
 */

import { defaultWindow, toleratedWindows, type CreditWindow } from '../limits.js';
import { SizeQueue } from './size-queue.js';

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

/** What the two sides of a connection agreed on. */
export interface WindowExtensions {
  /** `credits`: one frame returns many credits, so they are sent in lots and the window may grow. */
  readonly credits: boolean;
  /** `bytes`: both sides know the window, and count its bytes. */
  readonly bytes: boolean;
}

/** Why an item is refused: the sender had no credit for it, or too many unacknowledged bytes. */
export type Overrun = 'items' | 'bytes';

/** The receiving side of a credit window. */
export class ReceiveWindow {
  /** Items that may be on the way or waiting at once, now. */
  size: number;
  /** Received and not released. */
  held = 0;
  /** Released and not yet granted again. */
  owed = 0;
  /** Items released since the last grant, which the next one acknowledges. */
  acknowledged = 0;

  readonly #extensions: WindowExtensions;
  readonly #initial: number;
  #max: number;
  #maxBytes: number;
  readonly #pace: Pace | undefined;
  #granted: number;
  // Items whose credit is kept back when they are released, because the window shrinks.
  #excess = 0;
  // Since the last look: items released, and the fewest that waited.
  #released = 0;
  #fewest = Infinity;
  #lookedAt: number;
  // Moving estimate of an item's size; 0 before the first one. And the largest one.
  #itemBytes = 0;
  #largest = 0;
  // Sizes of the items held, and the bytes of those released and not yet acknowledged.
  readonly #sizes = new SizeQueue();
  #releasedBytes = 0;

  /** `pace` undefined: a window that may grow does so however long it takes to go round. */
  constructor(window: CreditWindow, extensions: WindowExtensions, pace?: Pace) {
    this.#pace = pace;
    this.#lookedAt = pace?.now() ?? 0;
    this.size = window.initial;
    this.#extensions = extensions;
    this.#initial = window.initial;
    this.#max = extensions.credits ? window.max : window.initial;
    this.#maxBytes = window.maxBytes ?? defaultWindow.maxBytes;
    this.#granted = window.initial;
  }

  /** Bytes of the items that are held. */
  get heldBytes(): number {
    return this.#sizes.bytes;
  }

  /** The sender never uses more than so much of the window. Called before the first item. */
  limit(items: number, bytes: number): void {
    this.#max = Math.min(this.#max, items);
    this.#maxBytes = Math.min(this.#maxBytes, bytes);
    if (this.size <= items) return;
    this.size = items;
    this.#granted = items;
  }

  /** Takes one item in; the result is why the sender should not have sent it. */
  receive(bytes: number): Overrun | undefined {
    if (this.#extensions.bytes && this.#unacknowledged >= this.#maxBytes) return 'bytes';
    if (this.#granted > 0) this.#granted--;
    else if (!this.#tolerate()) return 'items';
    this.held++;
    this.#sizes.push(bytes);
    if (bytes > this.#largest) this.#largest = bytes;
    if (this.#itemBytes === 0) this.#itemBytes = bytes;
    else this.#itemBytes += (bytes - this.#itemBytes) / 8;
    return undefined;
  }

  /**
   * The consumer is done with one item. True where the sender should know it at the end of this turn; else a round trip
   * later is early enough.
   */
  release(): boolean {
    this.held--;
    this.#released++;
    this.acknowledged++;
    this.#releasedBytes += this.#sizes.shift();
    if (this.held < this.#fewest) this.#fewest = this.held;
    if (this.#excess > 0) this.#excess--;
    else this.owed++;
    // Sent before a quarter of the window is owed, a credit costs a frame and gains nothing while the sender has others.
    if (this.owed > 0 && (!this.#extensions.credits || this.#granted === 0 || this.owed * 4 >= this.size)) return true;
    // The sender may be held up by the bytes alone.
    return this.#extensions.bytes && this.#unacknowledged + this.#largest > this.#maxBytes;
  }

  /**
   * True where credit that is owed may not wait for a lot, but for a round trip: the consumer has run dry, the bytes alone
   * may hold the sender up, or it has less credit than this side knows.
   */
  get isUrgent(): boolean {
    return !this.#extensions.bytes || this.held === 0 || this.#unacknowledged * 2 > this.#maxBytes;
  }

  /** True where the sender should hear of something that was released. */
  get hasGrant(): boolean {
    return this.owed > 0 || (this.acknowledged > 0 && (this.#extensions.bytes || this.held === 0));
  }

  /**
   * What to grant the sender now: the credit owed, and more where the window grows. It acknowledges what was released.
   * `oneAtATime`: credit for one item, where the sender has none and the consumer holds none; the rest stays owed.
   */
  takeGrant(oneAtATime = false): number {
    if (oneAtATime) {
      const grant = this.#granted + this.held === 0 ? Math.min(1, this.owed) : 0;
      this.owed -= grant;
      this.acknowledged = 0;
      this.#releasedBytes = 0;
      this.#granted += grant;
      return grant;
    }
    if (this.#extensions.credits) {
      if (this.#released >= this.size) this.#look();
      else if (this.size > 1 && this.size * this.#itemBytes > this.#maxBytes) this.#resize(this.#room);
    }
    // A sender that goes by a smaller window of its own may have had nothing but what this one keeps back.
    if (this.owed === 0 && this.held === 0 && this.acknowledged > 0 && !this.#extensions.bytes) {
      this.owed = 1;
      this.#excess++;
    }
    const grant = this.owed;
    this.owed = 0;
    this.acknowledged = 0;
    this.#releasedBytes = 0;
    this.#granted += grant;
    return grant;
  }

  // Bytes that the sender counts as unacknowledged when all that was granted has reached it.
  get #unacknowledged(): number {
    return this.#sizes.bytes + this.#releasedBytes;
  }

  // A sender that never heard of this window goes by its own. What it shows to have is what it has.
  #tolerate(): boolean {
    if (this.#extensions.bytes || this.size >= this.#initial * toleratedWindows) return false;
    if (this.#sizes.bytes >= this.#maxBytes) return false;
    this.size++;
    this.#max = Math.max(this.#max, this.size);
    return true;
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
