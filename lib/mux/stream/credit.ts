/**
 * Credit of one direction of a stream, at its receiver.
 *
 *     granted ──receive──▶ held ──release──▶ owed ──takeGrant──▶ granted
 *                                   └─▶ dropped, while the window shrinks
 *
 *     granted + held + owed = size (+ credit that is still to be dropped)
 *
 * The size of a fixed window never changes. A window that may grow is adjusted once for each window of released items.
 * It doubles where the consumer had run dry and the whole window circulated (was sent, consumed and acknowledged)
 * within about a round trip. It halves where more than half of it was waiting throughout. So a fast consumer reaches
 * full speed, even one that takes items one by one, and a slow consumer has few items waiting. A window that takes
 * longer than a round trip to circulate grows to 128 KiB and no further: with less, a stream beside others on a busy
 * connection has nothing to send when its turn comes, and with more, everything else waits behind its items. Where the
 * consumer itself takes an eighth of that time, it does not grow, and where the consumer takes half, it halves. One
 * that takes much longer halves, because its items wait somewhere on the way, usually in a kernel, where nothing can
 * overtake them. A window of large items shrinks below its initial size, down to one item, as soon as their size is
 * known: `maxBytes` is what may wait ahead of everything else.
 *
 * Credit is sent in batches of a quarter of the window. Less than a batch is sent a round trip later, 10 ms at most
 * (`DelayedCredit`), where the sender may be waiting for it (`isUrgent`); else it leaves with the batch.
 *
 * Between hosts that announced `bytes`, the window also bounds the bytes that were sent and not yet acknowledged. Both
 * sides count the same items: those acknowledged by a grant are the oldest ones.
 */

import { toleratedWindows } from '../../bounds.js';
import { defaultWindow, type CreditWindow } from '../../limits.js';
import type { Marks } from '../../runtime.js';
import { SizeQueue } from './size-queue.js';

/** Measures how long a window takes to circulate. */
export interface Pace {
  /** The time on the monotonic clock, in ms. */
  now(): number;
  /** Shortest round trip of the connection so far, in ms; Infinity while it is unknown. */
  readonly roundTrip: number;
  /** Of simulations. */
  readonly marks?: Marks;
}

const timeless: Pace = { now: () => 0, roundTrip: Infinity };

/**
 * In ms. Added to one and a half round trips, within which a window must circulate to grow: computing time of both
 * ends.
 */
const computingTime = 0.5;

/** A window of this many bytes does not shrink however slowly it circulates: other calls hardly wait for it. */
const minWindowBytes = 1 << 20;

/**
 * Up to this many bytes, a window grows however slowly it circulates. Measured with four streams of 1 KiB beside 64
 * calls of 8 KiB and a file (`npm run bench -- --only shares`), on a machine with other load: the streams had 0.15 of
 * their fair share without this rule, 0.3 with 64 KiB, 0.55 to 0.87 with 128 KiB, and 1.05 to 1.25 with 256 KiB, at the
 * expense of the file.
 */
const busyWindowBytes = 1 << 17;

/**
 * A window does not grow for a busy connection where the consumer takes a larger part of the time in which it
 * circulates.
 */
const fastConsumer = 1 / 8;

/**
 * A window that circulates slowly halves, down to its initial size, where the consumer takes a larger part of that
 * time.
 */
const slowConsumer = 1 / 2;

/** A window halves where it circulates this many times more slowly than a window that may grow. */
const slowFactor = 2;

/** Extensions about windows that both sides of a connection announced. */
export interface WindowExtensions {
  /** One frame returns many credits, so they are sent in batches and the window may grow. */
  readonly credits: boolean;
  /** Both sides know the window, and count its bytes. */
  readonly bytes: boolean;
}

/** Why an item is refused: the sender had no credit for it, or too many bytes were unacknowledged. */
export type Overrun = 'items' | 'bytes';

/** The receiving side of a credit window. */
export class ReceiveWindow {
  /** Items that may currently be in flight or waiting. */
  size: number;
  /** Items received and not released. */
  held = 0;
  /** Credit of released items that has not been granted again. */
  owed = 0;
  /** Items released since the last grant; the next grant acknowledges them. */
  acknowledged = 0;
  /** Bytes that may wait ahead of everything else: more than one item only as long as they fit. */
  maxBytes: number;

  readonly #extensions: WindowExtensions;
  readonly #initial: number;
  #max: number;
  readonly #pace: Pace;
  #granted: number;
  // Number of releases whose credit will be dropped, because the window shrank.
  #excess = 0;
  // Since the last adjustment: items released, and the fewest that waited at once.
  #released = 0;
  #fewestHeld = Infinity;
  #adjustedAt: number;
  // One item of each window is timed, from its arrival at an idle consumer to its release: when it arrived, and what it
  // took.
  #timedSince: number | undefined;
  #consumerTime: number | undefined;
  // Moving average of the item size, 0 before the first item; and the largest item.
  #itemBytes = 0;
  #largest = 0;
  // Sizes of the items held, and the bytes of those released and not yet acknowledged.
  readonly #sizes = new SizeQueue();
  #releasedBytes = 0;

  /** Without `pace`, the window grows however slowly it circulates. */
  constructor(window: CreditWindow, extensions: WindowExtensions, pace: Pace = timeless) {
    this.#pace = pace;
    this.#adjustedAt = pace.now();
    this.size = window.initial;
    this.#extensions = extensions;
    this.#initial = window.initial;
    this.#max = extensions.credits ? window.max : window.initial;
    this.maxBytes = window.maxBytes ?? defaultWindow.maxBytes;
    this.#granted = window.initial;
  }

  /** Bytes of the held items. */
  get heldBytes(): number {
    return this.#sizes.bytes;
  }

  /** The sender never uses more than this part of the window. Must be called before the first item. */
  limit(items: number, bytes: number): void {
    this.#max = Math.min(this.#max, items);
    this.maxBytes = Math.min(this.maxBytes, bytes);
    if (this.size <= items) return;
    this.size = items;
    this.#granted = items;
  }

  /** Takes one received item. Returns why the sender must not have sent it; undefined where it was allowed to. */
  receive(bytes: number): Overrun | undefined {
    if (this.#extensions.bytes && this.#unacknowledged >= this.maxBytes) return 'bytes';
    if (this.#granted > 0) this.#granted--;
    else if (!this.#tolerate()) return 'items';
    if (this.held === 0 && this.#consumerTime === undefined) this.#timedSince = this.#pace.now();
    this.held++;
    this.#sizes.push(bytes);
    if (bytes > this.#largest) this.#largest = bytes;
    if (this.#itemBytes === 0) this.#itemBytes = bytes;
    else this.#itemBytes += (bytes - this.#itemBytes) / 8;
    return undefined;
  }

  /**
   * The consumer has finished with one item. True where the credit should be sent at the end of this turn; otherwise a
   * round trip later is early enough.
   */
  release(): boolean {
    this.held--;
    this.#released++;
    if (this.#timedSince !== undefined) {
      this.#consumerTime = this.#pace.now() - this.#timedSince;
      this.#timedSince = undefined;
    }
    this.acknowledged++;
    this.#releasedBytes += this.#sizes.shift();
    if (this.held < this.#fewestHeld) this.#fewestHeld = this.held;
    if (this.#excess > 0) this.#excess--;
    else this.owed++;
    // Before a quarter of the window is owed, a credit frame gains nothing while the sender still has credit.
    if (this.owed > 0 && (!this.#extensions.credits || this.#granted === 0 || this.owed * 4 >= this.size)) return true;
    // The bound in bytes alone may stop the sender.
    return this.#extensions.bytes && this.#unacknowledged + this.#largest > this.maxBytes;
  }

  /**
   * True where owed credit must not wait until a batch is full, but at most a round trip: the consumer has run dry, the
   * bound in bytes may stop the sender, or the sender may have less credit than this side believes.
   */
  get isUrgent(): boolean {
    return !this.#extensions.bytes || this.held === 0 || this.#unacknowledged * 2 > this.maxBytes;
  }

  /** True where there are releases that should be sent to the sender of the items. */
  get hasGrant(): boolean {
    return this.owed > 0 || (this.acknowledged > 0 && (this.#extensions.bytes || this.held === 0));
  }

  /**
   * Returns the credit to grant now: the owed credit, and more where the window grows. The grant acknowledges all
   * releases. `oneAtATime`: credit for one item where the sender has none and the consumer holds none; the rest stays
   * owed.
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
      if (this.#released >= this.size) this.#adjust();
      else if (this.size > 1 && this.size * this.#itemBytes > this.maxBytes) this.#resize(this.#room);
    }
    // A sender with a smaller window of its own may have had only credit that this window dropped.
    if (this.owed === 0 && this.held === 0 && this.acknowledged > 0 && !this.#extensions.bytes) {
      this.#pace.marks?.sometimes?.('a sender had only credit that its window dropped');
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

  // Bytes that the sender counts as unacknowledged once all grants have reached it.
  get #unacknowledged(): number {
    return this.#sizes.bytes + this.#releasedBytes;
  }

  // A sender that does not know this window uses its own. The window is widened to what the sender uses.
  #tolerate(): boolean {
    if (this.#extensions.bytes || this.size >= this.#initial * toleratedWindows) return false;
    if (this.#sizes.bytes >= this.maxBytes) return false;
    this.#pace.marks?.sometimes?.('a window was widened to what the sender uses');
    this.size++;
    this.#max = Math.max(this.#max, this.size);
    return true;
  }

  // Number of items that fit into maxBytes.
  get #room(): number {
    return Math.max(1, Math.floor(this.maxBytes / Math.max(1, this.#itemBytes)));
  }

  #adjust(): void {
    let size = this.size;
    const now = this.#pace.now();
    const duration = now - this.#adjustedAt;
    this.#adjustedAt = now;
    // How long the window took, relative to the longest time after which it may still grow.
    const circulation = duration / (this.#pace.roundTrip * 1.5 + computingTime);
    const consumerShare = this.#consumerShare(duration);
    const floor = this.#floor(consumerShare);
    if (this.#fewestHeld === 0 && circulation <= 1) size *= 2;
    else if (this.#fewestHeld === 0 && size < floor) size = Math.min(size * 2, floor);
    else if (this.#fewestHeld * 2 > size) size = Math.max(size >> 1, Math.min(size, this.#initial));
    else if (circulation > slowFactor) {
      size = Math.max(size >> 1, Math.min(size, consumerShare > slowConsumer ? this.#initial : this.#least));
    }
    this.#resize(Math.min(size, this.#max, this.#room));
    this.#released = 0;
    this.#fewestHeld = Infinity;
    this.#consumerTime = undefined;
  }

  #resize(size: number): void {
    if (size !== this.size) this.#pace.marks?.sometimes?.(size > this.size ? 'a window grew' : 'a window shrank');
    // A smaller window takes credit from what is owed, and then from later releases.
    const owed = this.owed - this.#excess + size - this.size;
    this.owed = Math.max(0, owed);
    this.#excess = Math.max(0, -owed);
    this.size = size;
  }

  // Size below which a window does not shrink for circulating slowly. It is known by the items of the moment.
  get #least(): number {
    return Math.max(2, Math.ceil(minWindowBytes / Math.max(1, this.#itemBytes)));
  }

  // Size up to which a window grows however slowly it circulates.
  #floor(consumerShare: number): number {
    const least = Math.min(this.#initial, this.#least);
    if (!(consumerShare <= fastConsumer)) return least;
    return Math.max(least, Math.floor(busyWindowBytes / Math.max(1, this.#itemBytes)));
  }

  // Estimates the part of the duration that the consumer took for a whole window, by one item of it. NaN, neither fast
  // nor slow, where none was timed.
  #consumerShare(duration: number): number {
    return this.#consumerTime === undefined ? NaN : (this.#consumerTime * this.size) / duration;
  }
}
