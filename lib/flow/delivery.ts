/**
 * Backpressure that follows the Rx consumer, although `next` returns nothing.
 *
 *     stream ──deliver──▶ next ──▶ map ──▶ filter ──▶ consume: retainCurrent()
 *       ▲                                                │
 *       └────────── credit ◀── release ◀── inner done ◀──┘
 *
 * While a stream calls `next`, that delivery is current, and code that is called synchronously within `next` may retain
 * it. The credit returns when `next` has returned and every holder has released the delivery.
 */

import { ambient } from './ambient.js';
import { isUpstreamOf } from './subscriber.js';

/** One item of a stream, whose credit goes back to the sender when it is released. */
export interface Delivery<T> {
  readonly value: T;
  /** Returns the credit of the item. Further calls do nothing. */
  release(): void;
}

/** Notes what a stream has delivered; see `run-ahead.ts`. */
export interface DeliveryWatch {
  /** The stream delivers an item. */
  delivered(item: unknown): void;
  /** A tuple of items has come out of an operator. True: the stream is far ahead of it. */
  cameOut(tuple: readonly unknown[]): boolean;
}

/** Reference count of one delivery: the call of `next` itself, and every holder that retained it. */
class DeliveryHolders {
  #holders = 1;
  readonly #release: () => void;

  constructor(release: () => void) {
    this.#release = release;
  }

  retain(): () => void {
    this.#holders++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.drop();
    };
  }

  drop(): void {
    if (--this.#holders === 0) this.#release();
  }
}

/** Delivers the items of one stream. `release` returns one credit, and is called once for each delivered item. */
export class DeliverySource {
  /** The Observable that was subscribed to; the source itself where the stream is single-use. */
  origin: object = this;
  /** The Subscriber of rxjs that gets the items. */
  consumer: object | undefined = undefined;
  /** Non-zero: the items are parts of the delivery with this id; see {@link nextDelivery}. */
  partOf = 0;
  /** Takes each item that is delivered, where the stream is one of several that an operator joins. */
  watch: DeliveryWatch | undefined = undefined;
  readonly #release: () => void;
  #holders: DeliveryHolders | undefined = undefined;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Calls `observer.next(value)` while the delivery is current. Allocates nothing unless the delivery is retained. */
  deliver<T>(observer: { next(value: T): void }, value: T): void {
    const outer = ambient.current;
    const outerId = ambient.currentId;
    const outerHolders = this.#holders;
    this.#holders = undefined;
    ambient.currentId = ++ambient.lastId;
    ambient.current = this;
    this.watch?.delivered(value);
    try {
      observer.next(value);
    } finally {
      const holders = this.#takeHolders();
      ambient.current = outer;
      ambient.currentId = outerId;
      this.#holders = outerHolders;
      if (holders === undefined) this.#release();
      else holders.drop();
    }
  }

  /** Retains the delivery that is current. */
  retain(): () => void {
    this.#holders ??= new DeliveryHolders(this.#release);
    return this.#holders.retain();
  }

  // `next` may have set the field, which the compiler cannot see.
  #takeHolders(): DeliveryHolders | undefined {
    return this.#holders;
  }
}

/**
 * Retains the current delivery: its credit does not return before the returned function is called. Further calls do
 * nothing. Undefined where no delivery is current: the item did not come from a stream, or came through an asynchronous
 * operator.
 */
export function retainCurrent(): (() => void) | undefined {
  return ambient.current?.retain();
}

/** As {@link retainCurrent}, but only where the current delivery reaches `subscriber` through operators of rxjs. */
export function retainCurrentFor(subscriber: object): (() => void) | undefined {
  return ambient.current !== undefined && isUpstreamOf(ambient.current.consumer, subscriber)
    ? ambient.current.retain()
    : undefined;
}

/**
 * Passes on an item that was received together with others, as one delivery. It counts as a delivery of its own,
 * because the window of the stream bounds how many there are; its credit is still that of all of them.
 */
export function deliverApart<T>(observer: { next(value: T): void }, value: T): void {
  const together = ambient.currentId;
  ambient.currentId = ++ambient.lastId;
  try {
    observer.next(value);
  } finally {
    ambient.currentId = together;
  }
}

/** The source of the current delivery; undefined where there is none. */
export function currentSource(): DeliverySource | undefined {
  return ambient.current;
}

/** The id of the current delivery; 0 where there is none. */
export function currentDelivery(): number {
  return ambient.current === undefined || ambient.current.partOf === 0 ? ambient.currentId : ambient.current.partOf;
}

/**
 * Notifies an observer of the end of its stream. Items emitted within, such as the result of `reduce`, need no
 * delivery.
 */
export function notifyEnd(observer: { complete(): void; error(error: unknown): void }, error: unknown): void {
  const outer = ambient.ending;
  ambient.ending = true;
  try {
    if (error === undefined) observer.complete();
    else observer.error(error);
  } finally {
    ambient.ending = outer;
  }
}

/** True where an item of a stream would have lost its delivery, because it came through an asynchronous operator. */
export function isDeliveryLost(): boolean {
  return ambient.current === undefined && !ambient.ending;
}

/** A new delivery id, for an item that is delivered in parts. */
export function nextDelivery(): number {
  return ++ambient.lastId;
}
