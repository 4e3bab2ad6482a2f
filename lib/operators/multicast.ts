import { share, Subject, type MonoTypeOperatorFunction } from 'rxjs';
import { shareItem } from '../flow/shared-item.js';

/**
 * Shares one subscription to the source among all subscribers, as `share` of rxjs does, and encodes each item once for
 * all streams of a route that it goes into, instead of once for each. Use it where many callers subscribe to the same
 * items: it saves the time of the codec and, with a schema, of the validation.
 *
 * The item is encoded once for the streams that get it as it is emitted: a handler returns the result of `multicast`,
 * or puts `filter`, `takeUntil`, `tap` and similar operators behind it. `map` makes a new item for each stream, so put
 * it before `multicast`; behind `conflate`, `bufferBounded` and asynchronous operators each stream encodes for itself.
 * A stream without credit queues the payload, and streams that queue the same item share its memory.
 *
 * The source is subscribed to with the first subscriber and unsubscribed with the last. A later subscriber gets the
 * items from then on. When the source ends, all subscribers end, and the next one subscribes to the source again. An
 * item must not be changed while it is being emitted. Nothing holds the source back for a slow subscriber.
 *
 * Errors: those of the source go to every subscriber. An item that cannot be encoded fails each stream by itself.
 *
 * @example
 * const shared$ = quote$.pipe(multicast());
 * grid.handle(quotes, () => shared$);
 */
export function multicast<T>(): MonoTypeOperatorFunction<T> {
  return share<T>({ connector: () => new SharingSubject<T>() });
}

class SharingSubject<T> extends Subject<T> {
  override next(item: T): void {
    shareItem(item, () => {
      super.next(item);
    });
  }
}
