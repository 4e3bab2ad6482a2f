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

import type { Report } from '../observe.js';

/** One item of a stream, whose credit goes back to the sender when it is released. */
export interface Delivery<T> {
  readonly value: T;
  /** Done with the item. More than once is harmless. */
  release(): void;
}

// `next` is synchronous and JavaScript has one thread, so at any time at most one delivery is innermost.
let current: DeliverySource | undefined;

/** Holds one delivery until nobody needs it: the call of `next` itself, and everybody who retained it. */
class Retention {
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
      this.settle();
    };
  }

  settle(): void {
    if (--this.#holders === 0) this.#release();
  }
}

/** Delivers the items of one stream. `release` returns one credit; it is called once for each delivered item. */
export class DeliverySource {
  readonly #release: () => void;
  #retention: Retention | undefined = undefined;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Calls `observer.next(value)` with the delivery current. Nothing is allocated where nobody retains it. */
  deliver<T>(observer: { next(value: T): void }, value: T): void {
    const outer = current;
    const outerRetention = this.#retention;
    this.#retention = undefined;
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- `current` is what this file is about.
    current = this;
    try {
      observer.next(value);
    } finally {
      const retention = this.#takeRetention();
      current = outer;
      this.#retention = outerRetention;
      if (retention === undefined) this.#release();
      else retention.settle();
    }
  }

  /** Retains the delivery that is current. */
  retain(): () => void {
    this.#retention ??= new Retention(this.#release);
    return this.#retention.retain();
  }

  // `next` has set it, which the compiler cannot see.
  #takeRetention(): Retention | undefined {
    return this.#retention;
  }
}

/**
 * Retains the current delivery: its credit stays out until the returned function is called. More than once is harmless.
 * Undefined where no delivery is current: the item did not come from a stream, or came through an asynchronous operator.
 */
export function retainCurrent(): (() => void) | undefined {
  return current?.retain();
}

/**
 * Retains the current delivery where it is one of `streams`. A relay holds back the stream that it is fed from, and no
 * other: an item that is sent because another one arrived must not hold that one's credit, or two ends that answer each
 * other would wait for each other.
 */
export function retainCurrentOf(streams: readonly SubscribedStream[]): (() => void) | undefined {
  for (const { source } of streams) if (source === current) return source.retain();
  return undefined;
}

/** A stream that was subscribed to, as `consume` names it when it finds that backpressure is lost. */
export interface SubscribedStream {
  readonly route: string;
  readonly report: Report;
  readonly source: DeliverySource;
}

// Lists of the subscriptions that run now: an outer operator notes what an inner one does.
interface NotingList {
  readonly streams: SubscribedStream[];
  readonly outer: NotingList | undefined;
}

let noted: NotingList | undefined;

/** Subscribes, with a list that grows by each stream that is subscribed to within it, before the stream delivers. */
export function subscribeNoting(subscribe: (streams: readonly SubscribedStream[]) => void): void {
  const outer = noted;
  const streams: SubscribedStream[] = [];
  noted = { streams, outer };
  try {
    subscribe(streams);
  } finally {
    noted = outer;
  }
}

/** Called by a stream when it is subscribed to. */
export function noteSubscription(stream: SubscribedStream): void {
  for (let list = noted; list !== undefined; list = list.outer) list.streams.push(stream);
}
