/** Which streams a source is made of: those that are subscribed to within its own subscription, or later on its behalf. */

import type { Observable, Observer, Subscriber } from 'rxjs';
import type { Report } from '../observe.js';
import { ambient } from './ambient.js';
import { currentSource } from './delivery.js';
import type { OnThrown } from '../guard.js';
import { GuardedSubscriber, isUpstreamOf, subscriberOf } from './subscriber.js';

/** A stream that was subscribed to, as `consume` names it when it finds that backpressure is lost. */
export interface SubscribedStream {
  readonly route: string;
  readonly report: Report;
  /** What was subscribed to: the same one for each call that it makes. */
  readonly origin: object;
}

/** Notes which streams are subscribed to within a subscription. */
export class SourceTracker {
  /** The streams noted so far. */
  readonly streams: SubscribedStream[] = [];
  // Undefined: none is noted, which is the usual case.
  #origins: Set<object> | undefined = undefined;
  readonly #apart: boolean;
  #outer: SourceTracker | undefined = undefined;
  #noting = false;
  #subscriber: Subscriber<never> | undefined = undefined;
  // A consumer that was looked at, and whether its items come here.
  #consumer: unknown = undefined;
  #leadsHere = false;

  /** `apart`: what is noted is taken out of the flow here, sent or read, and so is no part of an outer operator's source. */
  constructor(apart = false) {
    this.#apart = apart;
  }

  /**
   * Subscribes, and notes the streams that are subscribed to within. {@link unsubscribe} stops a source that is still in
   * here, too. `onThrown`: takes what the source's finalizers throw; by default, whoever unsubscribes gets it.
   */
  subscribe<T>(source: Observable<T>, observer: Observer<T>, onThrown?: OnThrown): void {
    const subscriber = onThrown === undefined ? subscriberOf(observer) : new GuardedSubscriber(observer, onThrown);
    this.#subscriber = subscriber;
    this.during(() => {
      source.subscribe(subscriber);
    });
  }

  /** Ends what {@link subscribe} began. */
  unsubscribe(): void {
    this.#subscriber?.unsubscribe();
  }

  /** Runs `subscribe`, and notes the streams that are subscribed to within it. An outer operator sees what an inner one sees. */
  during(subscribe: () => void): void {
    this.#outer = ambient.notes;
    this.#noting = true;
    ambient.notes = this;
    try {
      subscribe();
    } finally {
      ambient.notes = this.#outer;
      this.#noting = false;
    }
  }

  /** Runs `task`, which takes what a source gives while it is subscribed to: what the task subscribes to is no part of that source. */
  except(task: () => void): void {
    if (!this.#noting) {
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

  /** Notes one stream. */
  add(stream: SubscribedStream): void {
    this.streams.push(stream);
    (this.#origins ??= new Set()).add(stream.origin);
    if (!this.#apart) this.#outer?.add(stream);
  }

  /**
   * Retains the current delivery where it is one of the noted streams, or of a later call of one of them, or of a stream
   * that an operator of the source subscribed to later, as `switchMap` does. A relay holds back the stream that it is fed
   * from, and no other: an item that is sent because another one arrived must not hold that one's credit, or two ends
   * that answer each other would wait for each other.
   */
  retainCurrent(): (() => void) | undefined {
    const source = currentSource();
    if (source === undefined) return undefined;
    const noted = this.#origins?.has(source.origin) === true;
    return noted || this.#comesHere(source.consumer) ? source.retain() : undefined;
  }

  #comesHere(consumer: unknown): boolean {
    if (consumer !== this.#consumer) {
      this.#consumer = consumer;
      this.#leadsHere = isUpstreamOf(consumer, this.#subscriber);
    }
    return this.#leadsHere;
  }
}

/** Called by a stream when it is subscribed to. */
export function trackSubscription(stream: SubscribedStream): void {
  ambient.notes?.add(stream);
}
