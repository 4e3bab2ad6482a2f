import { DeliverySource } from './delivery.js';
import { trackSubscription, type SourceTracker } from './source-tracker.js';

/**
 * Calls `observer.next(value)` as a new current delivery. `release` is called when the last holder has released it.
 * `partOf`: the id of the delivery of which this one is a part; no window bounds the number of parts.
 */
export function redeliver<T>(
  origin: object,
  observer: { next(value: T): void },
  value: T,
  release: () => void,
  partOf = 0,
): void {
  const source = new DeliverySource(release);
  source.origin = origin;
  source.consumer = observer;
  source.partOf = partOf;
  source.deliver(observer, value);
}

/**
 * Records a subscription to `origin`, which delivers with {@link redeliver}. An operator that detects a loss of
 * backpressure behind it reports the loss for the streams in `of`.
 */
export function trackRedelivery(origin: object, of?: SourceTracker): void {
  trackSubscription({
    route: '',
    origin,
    report: (event) => {
      for (const { route, report } of of?.streams ?? []) report('route' in event ? { ...event, route } : event);
    },
  });
}
