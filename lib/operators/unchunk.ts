import { concatMap, Observable, type OperatorFunction } from 'rxjs';
import { deliverApart } from '../flow/delivery.js';

/**
 * Reverses {@link chunk}: emits the items of each chunk in order. The credit of a chunk returns when all its items have
 * been released. However many items a chunk has, a reader or a relay behind `unchunk` takes all of them.
 *
 * @example
 * host2.stream(logs, {}).pipe(unchunk(), consume((line) => store(line))).subscribe();
 */
export function unchunk<C extends readonly unknown[]>(): OperatorFunction<C, C[number]> {
  return concatMap((chunk) => itemsOf(chunk));
}

function itemsOf(chunk: readonly unknown[]): Observable<unknown> {
  return new Observable((subscriber) => {
    for (const item of chunk) {
      if (subscriber.closed) return;
      deliverApart(subscriber, item);
    }
    subscriber.complete();
  });
}
