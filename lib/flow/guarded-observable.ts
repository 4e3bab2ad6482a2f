import { Observable, type Observer, type PartialObserver, type Subscriber, type Subscription } from 'rxjs';

/**
 * An Observable that may refuse to be subscribed to, by throwing out of `subscribe`: an error notification instead would
 * make `retry()` subscribe for ever.
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #guard: (() => void) | undefined;

  /** `guard` is called first, and throws to refuse. */
  constructor(subscribe: (subscriber: Subscriber<T>) => () => void, guard: (() => void) | undefined) {
    super(subscribe);
    this.#guard = guard;
  }

  override subscribe(observer?: Partial<Observer<T>> | ((value: T) => void)): Subscription;
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(...observer: unknown[]): Subscription {
    this.#guard?.();
    return super.subscribe(...(observer as [PartialObserver<T>]));
  }
}
