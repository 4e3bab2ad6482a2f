/**
 * Backpressure that follows the Rx consumer, although `next` returns nothing.
 *
 *     stream ──deliver──▶ next ──▶ map ──▶ filter ──▶ consume: retainCurrent()
 *       ▲                                                │
 *       └────────── credit ◀── release ◀── inner done ◀──┘
 *
 * While a stream calls `next`, that delivery is current. Who is called synchronously within it may retain it. The
 * credit returns when `next` has returned and the last who retained it has released it.
 */

import { ambient } from './ambient.js';
import { isUpstreamOf } from './subscriber.js';

/** One item of a stream, whose credit goes back to the sender when it is released. */
export interface Delivery<T> {
  readonly value: T;
  /** Done with the item. More than once is harmless. */
  release(): void;
}

/** Holds one delivery until nobody needs it: the call of `next` itself, and everybody who retained it. */
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

/** Delivers the items of one stream. `release` returns one credit; it is called once for each delivered item. */
export class DeliverySource {
  /** What the stream is a call of; the source itself where it is single use. */
  origin: object = this;
  /** Who the items go to: a Subscriber of rxjs. */
  consumer: object | undefined = undefined;
  /** Set: what it delivers is part of this delivery; see {@link nextDelivery}. */
  partOf = 0;
  readonly #release: () => void;
  #holders: DeliveryHolders | undefined = undefined;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Calls `observer.next(value)` with the delivery current. Nothing is allocated where nobody retains it. */
  deliver<T>(observer: { next(value: T): void }, value: T): void {
    const outer = ambient.current;
    const outerId = ambient.currentId;
    const outerHolders = this.#holders;
    this.#holders = undefined;
    ambient.currentId = ++ambient.lastId;
    ambient.current = this;
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

  // `next` has set it, which the compiler cannot see.
  #takeHolders(): DeliveryHolders | undefined {
    return this.#holders;
  }
}

/**
 * Retains the current delivery: its credit stays out until the returned function is called. More than once is harmless.
 * Undefined where no delivery is current: the item did not come from a stream, or came through an asynchronous operator.
 */
export function retainCurrent(): (() => void) | undefined {
  return ambient.current?.retain();
}

/** As {@link retainCurrent}, where the current delivery goes on to `subscriber`, through operators of rxjs. */
export function retainCurrentFor(subscriber: object): (() => void) | undefined {
  return ambient.current !== undefined && isUpstreamOf(ambient.current.consumer, subscriber)
    ? ambient.current.retain()
    : undefined;
}

/** Who delivers the current delivery; undefined where there is none. */
export function currentSource(): DeliverySource | undefined {
  return ambient.current;
}

/** Names the current delivery; 0 where there is none. */
export function currentDelivery(): number {
  return ambient.current === undefined || ambient.current.partOf === 0 ? ambient.currentId : ambient.current.partOf;
}

/** Tells an observer that its stream has ended. What comes within, such as the result of `reduce`, has lost no credit. */
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

/** True where an item without a delivery has lost one: it came through an asynchronous operator, if it is a stream's. */
export function isDeliveryLost(): boolean {
  return ambient.current === undefined && !ambient.ending;
}

/** A name for what is delivered in parts. */
export function nextDelivery(): number {
  return ++ambient.lastId;
}
