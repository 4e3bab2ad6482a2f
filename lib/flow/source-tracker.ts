/**
 * Tracks the streams of which a source is made: those subscribed to within its own subscription, or later on its
 * behalf. An operator that sends or buffers the items of the source can then apply backpressure to these streams, and
 * only to these.
 */

import type { Observable, Observer, Subscriber } from 'rxjs';
import type { Report } from '../observe.js';
import { ambient } from './ambient.js';
import { currentSource, type DeliverySource } from './delivery.js';
import type { OnThrown } from '../guard.js';
import { RunAhead } from './run-ahead.js';
import { GuardedSubscriber, isUpstreamOf, subscriberOf } from './subscriber.js';

/** A stream that was subscribed to, with the route that `consume` reports when it detects a loss of backpressure. */
export interface SubscribedStream {
  readonly route: string;
  readonly report: Report;
  /** The Observable that was subscribed to; the same one for each of its calls. */
  readonly origin: object;
  /** Delivers its items. */
  readonly source?: DeliverySource;
}

/** Tracks the streams of which one source is made, so that backpressure can be applied to them. */
export class SourceTracker {
  /** The tracked streams. */
  readonly streams: SubscribedStream[] = [];
  // Undefined while no stream is tracked, which is the usual case.
  #origins: Set<object> | undefined = undefined;
  readonly #detached: boolean;
  // Undefined unless several streams are tracked.
  #runAhead: RunAhead | undefined = undefined;
  #outer: SourceTracker | undefined = undefined;
  #tracking = false;
  #subscriber: Subscriber<never> | undefined = undefined;
  // The consumer that was checked last, and whether its items reach this tracker's subscriber.
  #consumer: unknown = undefined;
  #consumerIsUpstream = false;

  /**
   * `detached`: the items leave the rxjs chain here (they are sent or read), so the streams are no part of an outer
   * source.
   */
  constructor(detached = false) {
    this.#detached = detached;
  }

  /**
   * Subscribes to the source, and tracks the streams that are subscribed to within. {@link unsubscribe} stops the
   * source even within this call. `onThrown` takes errors thrown by the source's finalizers; by default, `unsubscribe`
   * throws them.
   */
  subscribe<T>(source: Observable<T>, observer: Observer<T>, onThrown?: OnThrown): void {
    const subscriber = onThrown === undefined ? subscriberOf(observer) : new GuardedSubscriber(observer, onThrown);
    this.#subscriber = subscriber;
    this.during(() => {
      source.subscribe(subscriber);
    });
  }

  /** Ends the subscription of {@link subscribe}. */
  unsubscribe(): void {
    this.#subscriber?.unsubscribe();
  }

  /** Runs `subscribe`, and tracks the streams that are subscribed to within it. Outer trackers see them, too. */
  during(subscribe: () => void): void {
    this.#outer = ambient.notes;
    this.#tracking = true;
    ambient.notes = this;
    try {
      subscribe();
    } finally {
      ambient.notes = this.#outer;
      this.#tracking = false;
    }
  }

  /**
   * Runs `task`, which handles an item while the source is being subscribed to: streams that it subscribes to are not
   * tracked.
   */
  except(task: () => void): void {
    if (!this.#tracking) {
      task();
      return;
    }
    const inner = ambient.notes;
    ambient.notes = this.#outer;
    try {
      task();
    } finally {
      ambient.notes = inner;
    }
  }

  /** An item of the source has come. Reports a stream that runs ahead of the others, as behind `zip`. */
  cameOut(item: unknown): void {
    if (this.streams.length > 1) (this.#runAhead ??= new RunAhead()).cameOut(item, this.streams);
  }

  /** Adds one stream. */
  add(stream: SubscribedStream): void {
    this.streams.push(stream);
    (this.#origins ??= new Set()).add(stream.origin);
    if (!this.#detached) this.#outer?.add(stream);
  }

  /**
   * Retains the current delivery if it belongs to a tracked stream, to a later call of one, or to a stream that an
   * operator of the source subscribed to later, as `switchMap` does. A relay applies backpressure to the stream that
   * feeds it, and to no other: an item that is sent because another one arrived must not retain that one's credit, or
   * two ends that answer each other would wait for each other.
   */
  retainCurrent(): (() => void) | undefined {
    const source = currentSource();
    if (source === undefined) return undefined;
    const tracked = this.#origins?.has(source.origin) === true;
    return tracked || this.#reachesSubscriber(source.consumer) ? source.retain() : undefined;
  }

  #reachesSubscriber(consumer: unknown): boolean {
    if (consumer !== this.#consumer) {
      this.#consumer = consumer;
      this.#consumerIsUpstream = isUpstreamOf(consumer, this.#subscriber);
    }
    return this.#consumerIsUpstream;
  }
}

/** Called by a stream when it is subscribed to. */
export function trackSubscription(stream: SubscribedStream): void {
  ambient.notes?.add(stream);
}
