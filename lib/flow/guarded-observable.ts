import {
  Observable,
  type Observer,
  type PartialObserver,
  type Subscriber,
  type Subscription,
  type TeardownLogic,
} from 'rxjs';
import { isSubscriber, finalSubscriber } from './subscriber.js';

/**
 * An Observable that may refuse a subscription by throwing out of `subscribe`. With an error notification instead,
 * `retry()` would subscribe for ever.
 *
 * Where an operator subscribes, rxjs would turn the thrown error into such a notification. So the refusal is delivered
 * to the final subscriber, beyond all operators, and the operators between do not see it.
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #guard: (() => void) | undefined;

  /** `guard` is called before each subscription, and throws to refuse it. */
  constructor(subscribe: (subscriber: Subscriber<T>) => TeardownLogic, guard: (() => void) | undefined) {
    super(subscribe);
    this.#guard = guard;
  }

  /** Makes the call. An error that the observer throws reaches no other code. */
  override subscribe(observer?: Partial<Observer<T>> | ((value: T) => void)): Subscription;
  /** Makes the call. */
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(...observer: unknown[]): Subscription {
    try {
      this.#guard?.();
    } catch (refusal) {
      const [subscriber] = observer;
      if (!isSubscriber(subscriber)) throw refusal;
      finalSubscriber(subscriber).error(refusal);
      return subscriber;
    }
    return super.subscribe(...(observer as [PartialObserver<T>]));
  }
}
