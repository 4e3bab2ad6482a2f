import { Observable, type Subscriber } from 'rxjs';
import type { Delivery } from './delivery.js';
import { DeliveryIterator } from './delivery-iterator.js';
import type { Inbound } from './inbound.js';

/** Starts one call whose items go to `inbound`, which has its consumer; the result cancels the call. */
export type StartCall<T> = (attach: (inbound: Inbound<T>) => void, fail: (error: unknown) => void) => () => void;

/**
 * The items of a stream. Cold: each subscription is one call. The credit of an item returns when its consumer is done
 * with it: after `next` has returned; when `consume` says so; when a `for await` loop asks for the next item; when a
 * delivery is released.
 */
export class CallObservable<T> extends Observable<T> implements AsyncIterable<T> {
  /** The items as deliveries, each to be released by hand. A subscription is a call of its own. */
  readonly deliveries: Observable<Delivery<T>>;

  constructor(start: StartCall<T>) {
    super((subscriber: Subscriber<T>) =>
      start(
        (inbound) => {
          inbound.attach(subscriber);
        },
        (error) => {
          subscriber.error(error);
        },
      ),
    );
    this.deliveries = new Observable((subscriber: Subscriber<Delivery<T>>) =>
      start(
        (inbound) => {
          inbound.attachExplicit(subscriber);
        },
        (error) => {
          subscriber.error(error);
        },
      ),
    );
  }

  /** The credit of an item returns when the loop asks for the next one; leaving the loop cancels the call. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    return new DeliveryIterator(this.deliveries);
  }
}
