import { DeliverySource, noteSubscription, type SubscriptionNotes } from './delivery.js';

/** Calls `observer.next(value)` with a delivery of its own current: `release` is called when nobody needs it any more. */
export function redeliver<T>(origin: object, observer: { next(value: T): void }, value: T, release: () => void): void {
  const source = new DeliverySource(release);
  source.origin = origin;
  source.deliver(observer, value);
}

/**
 * Notes that `origin` is subscribed to, which delivers with {@link redeliver}. Who finds that backpressure is lost behind
 * it reports that of the streams in `of`, where there are any.
 */
export function noteRedelivery(origin: object, of?: SubscriptionNotes): void {
  noteSubscription({
    route: '',
    origin,
    report: (event) => {
      for (const { route, report } of of?.streams ?? []) report('route' in event ? { ...event, route } : event);
    },
  });
}
