import { describe, expect, it } from '@jest/globals';
import { map, merge, Observable, of, Subject, switchMap, tap } from 'rxjs';
import { DeliverySource } from '../../lib/flow/delivery.js';
import { trackSubscription, SourceTracker, type SubscribedStream } from '../../lib/flow/source-tracker.js';

const counted = (): { readonly source: DeliverySource; readonly released: () => number } => {
  let count = 0;
  const source = new DeliverySource(() => {
    count++;
  });
  return { source, released: () => count };
};

describe('subscription tracking', () => {
  const stream = (route: string): SubscribedStream => ({ route, report: () => undefined, origin: {} });
  const subscribing = (noted: SubscribedStream): Observable<number> =>
    new Observable((subscriber) => {
      trackSubscription(noted);
      subscriber.next(1);
    });
  const routes = (notes: SourceTracker): string[] => notes.streams.map(({ route }) => route);

  it('records subscriptions made within, and nothing else', () => {
    const notes = new SourceTracker();
    subscribing(stream('before')).subscribe();
    notes.during(() => {
      merge(subscribing(stream('one')), subscribing(stream('two'))).subscribe();
    });
    subscribing(stream('after')).subscribe();
    expect(routes(notes)).toStrictEqual(['one', 'two']);
  });

  it('of an outer operator records those of an inner one', () => {
    const [outer, inner] = [new SourceTracker(), new SourceTracker()];
    outer.during(() => {
      inner.during(() => {
        subscribing(stream('inner')).subscribe();
      });
      subscribing(stream('outer')).subscribe();
    });
    expect([routes(outer), routes(inner)]).toStrictEqual([['inner', 'outer'], ['inner']]);
  });

  it('does not record subscriptions of a consumer while the source emits', () => {
    const [outer, inner] = [new SourceTracker(), new SourceTracker()];
    outer.during(() => {
      inner.during(() => {
        const consumer = tap(() => {
          inner.except(() => {
            subscribing(stream('of the consumer')).subscribe();
          });
        });
        of(1).pipe(consumer).subscribe();
        subscribing(stream('of the source')).subscribe();
      });
    });
    expect([routes(outer), routes(inner)]).toStrictEqual([['of the consumer', 'of the source'], ['of the source']]);
  });

  it('ends with its subscription, even where that throws', () => {
    const notes = new SourceTracker();
    expect(() => {
      notes.during(() => {
        throw new Error('of the source');
      });
    }).toThrow('of the source');
    subscribing(stream('later')).subscribe();
    expect(routes(notes)).toStrictEqual([]);
  });

  it('retains a delivery of a recorded stream, also of its later calls, and of no other', () => {
    const notes = new SourceTracker();
    const [mine, later, other] = [counted(), counted(), counted()];
    const origin = {};
    mine.source.origin = origin;
    later.source.origin = origin;
    notes.add({ ...stream('mine'), origin });
    const retained: boolean[] = [];
    const next = (): void => {
      const release = notes.retainCurrent();
      retained.push(release !== undefined);
    };
    for (const { source } of [mine, later, other]) source.deliver({ next }, 1);
    expect(retained).toStrictEqual([true, true, false]);
    expect([mine.released(), later.released(), other.released()]).toStrictEqual([0, 0, 1]);
    expect(notes.retainCurrent()).toBeUndefined();
  });

  it('retains a delivery of a stream that a source operator subscribed to later, and of no other', () => {
    const notes = new SourceTracker();
    const lookup = new Subject<DeliverySource>();
    const retained: boolean[] = [];
    const attach = (source: DeliverySource): Observable<number> =>
      new Observable((subscriber) => {
        source.consumer = subscriber;
      });
    const source = lookup.pipe(
      switchMap(attach),
      map((value) => value),
    );
    notes.subscribe(source, {
      next: () => retained.push(notes.retainCurrent() !== undefined),
      error: () => undefined,
      complete: () => undefined,
    });
    const [late, other] = [counted(), counted()];
    lookup.next(late.source);
    attach(other.source).subscribe();
    // `deliver` needs somebody who passes the item on.
    for (const { source } of [late, other, late]) source.deliver(source.consumer as Subject<number>, 1);
    other.source.deliver({ next: () => late.source.deliver(late.source.consumer as Subject<number>, 1) }, 1);
    expect([retained, late.released(), other.released()]).toStrictEqual([[true, true, true], 0, 2]);
    notes.unsubscribe();
    expect(lookup.observed).toBe(false);
  });

  it('retains no delivery whose item only triggers another one', () => {
    const notes = new SourceTracker();
    const retained: boolean[] = [];
    const items = new Subject<number>();
    notes.subscribe(items, {
      next: () => retained.push(notes.retainCurrent() !== undefined),
      error: () => undefined,
      complete: () => undefined,
    });
    const { source, released } = counted();
    source.deliver(items, 1);
    source.deliver(items, 2);
    expect([retained, released()]).toStrictEqual([[false, false], 2]);
  });
});
