import { Observable, type OperatorFunction } from 'rxjs';
import type { Delivery } from '../flow/delivery.js';
import { trackRedelivery, redeliver } from '../flow/redeliver.js';
import { subscriberOf } from '../flow/subscriber.js';

/**
 * Takes the values out of deliveries, and releases each: after `next` has returned, or, where a `consume` or a relay
 * behind it still works on the value, when that is done with it. So deliveries can be looked at, and some of them
 * released by hand, in front of an ordinary subscriber.
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
