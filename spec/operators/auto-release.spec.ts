import { describe, expect, it } from '@jest/globals';
import { map, Observable, of, share, Subject, take, throwError } from 'rxjs';
import type { Delivery } from '../../lib/index.js';
import { autoRelease } from '../../lib/operators/auto-release.js';
import { consume } from '../../lib/operators/consume.js';
import { fed } from '../support/streams/fed.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { testScheduler } from '../support/streams/marbles.js';

/** Turns values into deliveries, and notes what is released. */
function deliveries(released: unknown[]): <T>(source: Observable<T>) => Observable<Delivery<T>> {
  return map((value) => ({ value, release: () => released.push(value) }));
}

describe('autoRelease', () => {
  it('passes values and the completion on', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -ab-c|');
      expectObservable(source.pipe(deliveries([]), autoRelease())).toBe('-ab-c|');
      expectSubscriptions(source.subscriptions).toBe('^----!');
    });
  });

  it('passes an error on', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      expectObservable(hot('-a#').pipe(deliveries([]), autoRelease())).toBe('-a#');
    });
  });

  it('stops the source when it is unsubscribed', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('                                         -a-b-');
      expectObservable(source.pipe(deliveries([]), autoRelease()), '^-!').toBe('-a-');
      expectSubscriptions(source.subscriptions).toBe('             ^-!');
    });
  });

  it('releases each value after next has returned', () => {
    const log: unknown[] = [];
    of(1, 2)
      .pipe(
        map((value) => ({ value, release: () => log.push('released', value) })),
        autoRelease(),
      )
      .subscribe((value) => log.push('next', value));
    expect(log).toStrictEqual(['next', 1, 'released', 1, 'next', 2, 'released', 2]);
  });

  it('returns the credit of a stream once per item, also for an item released explicitly before', () => {
    const stream = new FakeStream();
    const values: number[] = [];
    stream.items.deliveries
      .pipe(
        map((delivery) => {
          if (delivery.value === 2) delivery.release();
          return delivery;
        }),
        autoRelease(),
      )
      .subscribe((value) => {
        values.push(value);
        if (value === 3) expect(stream.released).toBe(2);
      });
    stream.push(1, 2, 3);
    expect([values, stream.released]).toStrictEqual([[1, 2, 3], 3]);
  });

  it('stops a source that emits within subscribe, and releases the item that ended it', () => {
    const released: unknown[] = [];
    const values: number[] = [];
    const endless = new Observable<number>((subscriber) => {
      for (let value = 1; !subscriber.closed; value++) subscriber.next(value);
    });
    endless.pipe(deliveries(released), autoRelease(), take(2)).subscribe((value) => values.push(value));
    expect([values, released]).toStrictEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('releases in the right order where next makes the source emit', () => {
    const released: unknown[] = [];
    const source = new Subject<number>();
    source.pipe(deliveries(released), autoRelease()).subscribe((value) => {
      if (value === 1) source.next(2);
    });
    source.next(1);
    expect(released).toStrictEqual([2, 1]);
  });

  it('retains the credit while a consume behind it works', () => {
    const stream = new FakeStream();
    const work = new Subject<never>();
    stream.items.deliveries
      .pipe(
        autoRelease(),
        consume(() => work),
      )
      .subscribe();
    stream.push(1);
    expect(stream.released).toBe(0);
    work.complete();
    expect(stream.released).toBe(1);
  });

  it('retains the credit while a relay behind it cannot send', () => {
    const stream = new FakeStream();
    const credit = new Subject<void>();
    const sent: number[] = [];
    fed(stream.items.deliveries.pipe(autoRelease()), credit).subscribe((value) => sent.push(value));
    stream.push(1, 2);
    expect([sent, stream.released]).toStrictEqual([[], 0]);
    credit.next();
    expect([sent, stream.released]).toStrictEqual([[1], 1]);
  });

  it('retains it behind share, too', () => {
    const stream = new FakeStream();
    fed(stream.items.deliveries.pipe(autoRelease(), share()), new Subject()).subscribe();
    stream.push(1, 2);
    expect(stream.released).toBe(0);
  });

  it('releases the item at which an operator behind it throws', () => {
    const released: unknown[] = [];
    const errors: unknown[] = [];
    of(1)
      .pipe(
        deliveries(released),
        autoRelease(),
        map(() => {
          throw new Error('of a user');
        }),
      )
      .subscribe({ error: (error: unknown) => errors.push(error) });
    expect([errors, released]).toStrictEqual([[new Error('of a user')], [1]]);
  });

  it('errors where subscribing to the source is refused', () => {
    const errors: unknown[] = [];
    throwError(() => new Error('refused'))
      .pipe(autoRelease())
      .subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toStrictEqual([new Error('refused')]);
  });
});
