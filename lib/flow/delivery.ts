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
// Tells one delivery from the next: 0 while none is current.
let currentId = 0;
let lastId = 0;

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
  /** What the stream is a call of; the source itself where it is single use. */
  origin: object = this;
  readonly #release: () => void;
  #retention: Retention | undefined = undefined;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Calls `observer.next(value)` with the delivery current. Nothing is allocated where nobody retains it. */
  deliver<T>(observer: { next(value: T): void }, value: T): void {
    const outer = current;
    const outerId = currentId;
    const outerRetention = this.#retention;
    this.#retention = undefined;
    currentId = ++lastId;
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- `current` is what this file is about.
    current = this;
    try {
      observer.next(value);
    } finally {
      const retention = this.#takeRetention();
      current = outer;
      currentId = outerId;
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

/** Names the current delivery; 0 where there is none. */
export function currentDelivery(): number {
  return currentId;
}

/** A stream that was subscribed to, as `consume` names it when it finds that backpressure is lost. */
export interface SubscribedStream {
  readonly route: string;
  readonly report: Report;
  /** What was subscribed to: the same one for each call that it makes. */
  readonly origin: object;
}

let notes: SubscriptionNotes | undefined;

/** Notes which streams are subscribed to within a subscription. */
export class SubscriptionNotes {
  /** The streams noted so far. */
  readonly streams: SubscribedStream[] = [];
  readonly #origins = new Set<object>();
  readonly #apart: boolean;
  #outer: SubscriptionNotes | undefined = undefined;
  #noting = false;

  /** `apart`: what is noted is taken out of the flow here, sent or read, and so is no part of an outer operator's source. */
  constructor(apart = false) {
    this.#apart = apart;
  }

  /** Runs `subscribe`, and notes the streams that are subscribed to within it. An outer operator sees what an inner one sees. */
  during(subscribe: () => void): void {
    this.#outer = notes;
    this.#noting = true;
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- as `current` above.
    notes = this;
    try {
      subscribe();
    } finally {
      notes = this.#outer;
      this.#noting = false;
    }
  }

  /** Runs `task`, which takes what a source gives while it is subscribed to: what the task subscribes to is no part of that source. */
  except(task: () => void): void {
    if (!this.#noting) {
      task();
      return;
    }
    const inner = notes;
    notes = this.#outer;
    try {
      task();
    } finally {
      notes = inner;
    }
  }

  /** Notes one stream. */
  add(stream: SubscribedStream): void {
    this.streams.push(stream);
    this.#origins.add(stream.origin);
    if (!this.#apart) this.#outer?.add(stream);
  }

  /**
   * Retains the current delivery where it is one of the noted streams, or of a later call of one of them. A relay holds
   * back the stream that it is fed from, and no other: an item that is sent because another one arrived must not hold
   * that one's credit, or two ends that answer each other would wait for each other.
   */
  retainCurrent(): (() => void) | undefined {
    return current !== undefined && this.#origins.has(current.origin) ? current.retain() : undefined;
  }
}

/** Called by a stream when it is subscribed to. */
export function noteSubscription(stream: SubscribedStream): void {
  notes?.add(stream);
}
