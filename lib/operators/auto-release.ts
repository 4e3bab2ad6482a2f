import { Observable, Subject, takeUntil, type OperatorFunction } from 'rxjs';
import type { Delivery } from '../flow/delivery.js';
import { noteRedelivery, redeliver } from '../flow/redeliver.js';

/**
 * Takes the values out of deliveries, and releases each: after `next` has returned, or, where a `consume` or a relay
 * behind it still works on the value, when that is done with it. So deliveries can be looked at, and some of them
 * released by hand, in front of an ordinary subscriber.
 *
 * A delivery that comes after the unsubscription is released too.
 *
 * @example
 * stream.deliveries.pipe(autoRelease()).subscribe(show);
 */
export function autoRelease<T>(): OperatorFunction<Delivery<T>, T> {
  return (source) => {
    const values = new Observable<T>((subscriber) => {
      // A source that emits within `subscribe` has to be stopped before there is a subscription.
      const stopped = new Subject<void>();
      subscriber.add(() => {
        stopped.next();
      });
      noteRedelivery(values);
      source.pipe(takeUntil(stopped)).subscribe({
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
    });
    return values;
  };
}
