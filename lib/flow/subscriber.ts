/**
 * Where the items of a subscription go. An operator of rxjs hands each item from its own Subscriber to the next one, its
 * `destination`. rxjs does not promise that field: where it is not there, every Subscriber is the last one, and a stream
 * that is subscribed to late is not held back.
 */

import { Observable, Subscriber, type Observer, type TeardownLogic } from 'rxjs';
import { guarded, type OnThrown } from '../guard.js';

let made: Subscriber<never> | undefined;
const maker = new Observable<never>((subscriber) => {
  made = subscriber;
});

/** The Subscriber of an observer, before there is a source: so a source that emits within `subscribe` can be stopped. */
export function subscriberOf<T>(observer: Observer<T>): Subscriber<T> {
  maker.subscribe(observer);
  return made as unknown as Subscriber<T>;
}

/**
 * The Subscriber of an observer whose source is user code. What a finalizer of the source throws, when the source ends or
 * when somebody unsubscribes, goes to `onThrown`: neither to who unsubscribes, nor to whatever made the source end.
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

  // A finalizer that is added after the end runs at once.
  override add(teardown: TeardownLogic): void {
    guarded(this.#onThrown, () => {
      super.add(teardown);
    });
  }
}

/** True where what `from` gets goes on to `to`, through operators of rxjs; behind a Subject nobody knows. */
export function isUpstreamOf(from: unknown, to: unknown): boolean {
  for (let at = from; isSubscriber(at); at = destinationOf(at)) if (at === to) return true;
  return false;
}

/** The last Subscriber behind this one: that of who subscribed, beyond all operators. */
export function finalSubscriber(subscriber: Subscriber<unknown>): Subscriber<unknown> {
  let last = subscriber;
  for (let at = destinationOf(last); isSubscriber(at); at = destinationOf(at)) last = at;
  return last;
}

/** Tells a Subscriber, also one of another copy of rxjs in the same process: by what it has, as rxjs itself does. */
export function isSubscriber(value: unknown): value is Subscriber<unknown> {
  if (value instanceof Subscriber) return true;
  return typeof value === 'object' && value !== null && 'destination' in value && 'isStopped' in value;
}

function destinationOf(subscriber: object): unknown {
  return (subscriber as { readonly destination?: unknown }).destination;
}
