import type { Observable, Subscriber, Unsubscribable } from 'rxjs';
import type { Delivery } from './delivery.js';
import { GuardedObservable } from './guarded-observable.js';
import type { ItemSource } from './intercepted-items.js';
import { PullIterator } from './pull/pull-iterator.js';
import { openReader } from './pull/reader-pull.js';

/** Starts one call, and attaches the source of its items. The returned teardown cancels the call. */
export type StartCall<T> = (attach: (items: ItemSource<T>) => void) => Unsubscribable | (() => void) | undefined;

/**
 * The items of a stream. Cold: each subscription is one call. The credit of an item returns when its consumer has
 * finished with it: after `next` has returned, when the inner Observable of `consume` ends, when a `for await` loop
 * asks for the next item, or when a delivery is released.
 */
export class CallObservable<T> extends GuardedObservable<T> implements AsyncIterable<T> {
  readonly #start: StartCall<T>;
  readonly #guard: (() => void) | undefined;
  #deliveries: Observable<Delivery<T>> | undefined = undefined;

  /** `guard` throws where the items must not be subscribed to. */
  constructor(start: StartCall<T>, guard?: () => void) {
    super(
      (subscriber) =>
        start((items) => {
          items.attach(subscriber, this);
        }),
      guard,
    );
    this.#start = start;
    this.#guard = guard;
  }

  /** The items as deliveries, each of which must be released explicitly. A subscription is a call of its own. */
  get deliveries(): Observable<Delivery<T>> {
    return (this.#deliveries ??= new GuardedObservable(
      (subscriber: Subscriber<Delivery<T>>) =>
        this.#start((items) => {
          items.attachExplicit(subscriber);
        }),
      this.#guard,
    ));
  }

  /** The credit of an item returns when the loop asks for the next one; leaving the loop cancels the call. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    return new PullIterator(openReader(this, 'for await'));
  }
}
