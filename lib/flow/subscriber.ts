/**
 * Follows the items of a subscription. An operator of rxjs hands each item from its own Subscriber to the next one, its
 * `destination`. That field is not part of rxjs' public API: where it is missing, every Subscriber counts as the final
 * one, and a stream that an operator subscribes to later gets no backpressure.
 */

import { Observable, Subscriber, type Observer, type TeardownLogic } from 'rxjs';
import { guarded, type OnThrown } from '../guard.js';

let created: Subscriber<never> | undefined;
const factory = new Observable<never>((subscriber) => {
  created = subscriber;
});

/**
 * Creates the Subscriber of an observer before it has a source, so that a source that emits within `subscribe` can be
 * stopped.
 */
export function subscriberOf<T>(observer: Observer<T>): Subscriber<T> {
  factory.subscribe(observer);
  return created as unknown as Subscriber<T>;
}

/**
 * The Subscriber of an observer whose source is user code. Errors thrown by a finalizer of the source go to `onThrown`,
 * and neither to the caller of `unsubscribe` nor to the code that ended the source.
 */
export class GuardedSubscriber<T> extends Subscriber<T> {
  readonly #onThrown: OnThrown;

  constructor(observer: Observer<T>, onThrown: OnThrown) {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- rxjs has no other way to see the end of a subscription.
    super(subscriberOf(observer));
    this.#onThrown = onThrown;
  }

  override unsubscribe(): void {
    guarded(this.#onThrown, () => {
      super.unsubscribe();
    });
  }

  // A finalizer that is added after the end runs immediately.
  override add(teardown: TeardownLogic): void {
    guarded(this.#onThrown, () => {
      super.add(teardown);
    });
  }
}

/** True where the items of `from` reach `to` through operators of rxjs. A Subject in between hides the connection. */
export function isUpstreamOf(from: unknown, to: unknown): boolean {
  for (let at = from; isSubscriber(at); at = destinationOf(at)) if (at === to) return true;
  return false;
}

/** The final Subscriber behind this one, beyond all operators. */
export function finalSubscriber(subscriber: Subscriber<unknown>): Subscriber<unknown> {
  let last = subscriber;
  for (let at = destinationOf(last); isSubscriber(at); at = destinationOf(at)) last = at;
  return last;
}

/** Recognizes a Subscriber by its properties, as rxjs does, so also one of another copy of rxjs in the same process. */
export function isSubscriber(value: unknown): value is Subscriber<unknown> {
  if (value instanceof Subscriber) return true;
  return typeof value === 'object' && value !== null && 'destination' in value && 'isStopped' in value;
}

function destinationOf(subscriber: object): unknown {
  return (subscriber as { readonly destination?: unknown }).destination;
}
