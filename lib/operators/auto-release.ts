import { Observable, type OperatorFunction } from 'rxjs';
import type { Delivery } from '../flow/delivery.js';
import { trackRedelivery, redeliver } from '../flow/redeliver.js';
import { subscriberOf } from '../flow/subscriber.js';

/**
 * Maps deliveries to their values and releases each one after `next` has returned, or, if a downstream `consume` or
 * relay retains the value, when that has finished with it. Use it to inspect deliveries, or release some of them
 * explicitly, ahead of an ordinary subscriber.
 *
 * @example
 * stream.deliveries.pipe(autoRelease()).subscribe(show);
 */
export function autoRelease<T>(): OperatorFunction<Delivery<T>, T> {
  return (source) => {
    const values = new Observable<T>((subscriber) => {
      const deliveries = subscriberOf<Delivery<T>>({
        next: (delivery) => {
          redeliver(values, subscriber, delivery.value, () => {
            delivery.release();
          });
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          subscriber.complete();
        },
      });
      subscriber.add(deliveries);
      trackRedelivery(values);
      source.subscribe(deliveries);
    });
    return values;
  };
}
