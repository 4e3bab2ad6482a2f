import { DeliverySource } from './delivery.js';
import { trackSubscription, type SourceTracker } from './source-tracker.js';

/**
 * Calls `observer.next(value)` with a delivery of its own current: `release` is called when nobody needs it any more.
 * `partOf`: several of them are parts of one, and no window bounds their number.
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
 * Notes that `origin` is subscribed to, which delivers with {@link redeliver}. Who finds that backpressure is lost behind
 * it reports that of the streams in `of`, where there are any.
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
