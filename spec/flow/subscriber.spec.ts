import { describe, expect, it } from '@jest/globals';
import type { OperatorFunction, Subscriber } from 'rxjs';
import {
  catchError,
  concat,
  concatMap,
  defer,
  exhaustMap,
  filter,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  of,
  race,
  repeat,
  retry,
  scan,
  share,
  skip,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { finalSubscriber, isUpstreamOf, subscriberOf } from '../../lib/flow/subscriber.js';
import { testScheduler } from '../support/streams/marbles.js';

const silent = { next: () => undefined, error: () => undefined, complete: () => undefined };

/** Where a source is subscribed to behind operators, be it at once or later: those whose way is known. */
const known: [string, (source: Observable<number>) => Observable<unknown>][] = [
  ['nothing', (source) => source],
  [
    'map, filter, scan and tap',
    (source) =>
      source.pipe(
        map(Number),
        filter(Boolean),
        scan(Math.max),
        tap(() => {}),
      ),
  ],
  ['take, skip and takeUntil', (source) => source.pipe(take(9), skip(1), takeUntil(NEVER))],
  ['switchMap', (source) => timer(1).pipe(switchMap(() => source))],
  ['mergeMap', (source) => timer(1).pipe(mergeMap(() => source))],
  ['concatMap', (source) => timer(1).pipe(concatMap(() => source))],
  ['exhaustMap', (source) => timer(1).pipe(exhaustMap(() => source))],
  ['concat', (source) => concat(timer(1), source)],
  ['merge', (source) => merge(NEVER, source)],
  ['race', (source) => race(NEVER, source)],
  ['defer', (source) => defer(() => source)],
  [
    'catchError',
    (source) =>
      timer(1).pipe(
        map(() => JSON.parse('') as number),
        catchError(() => source),
      ),
  ],
  ['retry', (source) => source.pipe(retry({ delay: 1 }))],
  ['repeat', (source) => source.pipe(repeat({ delay: 1 }))],
];

describe('the downstream subscriber', () => {
  it.each(known)('is known through %s', (_, through) => {
    testScheduler().run(({ flush }) => {
      const seen: boolean[] = [];
      const end = subscriberOf<unknown>(silent);
      const source = new Observable<number>((subscriber) => {
        seen.push(isUpstreamOf(subscriber, end), finalSubscriber(subscriber) === end);
        if (seen.length === 2) subscriber.error(new Error('for retry'));
      });
      through(source).subscribe(end);
      flush();
      expect(new Set(seen)).toStrictEqual(new Set([true]));
    });
  });

  it.each<[string, OperatorFunction<number, number>]>([
    ['share', share()],
    [
      'an observer of the user',
      (source) => new Observable<number>((to) => source.subscribe((value) => to.next(value))),
    ],
  ])('is not known behind %s', (_, operator) => {
    const seen: boolean[] = [];
    const end = subscriberOf<number>(silent);
    new Observable<number>((subscriber) => {
      seen.push(isUpstreamOf(subscriber, end), finalSubscriber(subscriber) === end);
    })
      .pipe(operator)
      .subscribe(end);
    expect(seen).toStrictEqual([false, false]);
  });

  it('is absent for an object that is no Subscriber', () => {
    const end = subscriberOf<number>(silent);
    for (const from of [undefined, null, {}, new Subject()]) expect(isUpstreamOf(from, end)).toBe(false);
  });
});

describe('a Subscriber that is created before its source', () => {
  it('receives the items of the source', () => {
    const log: unknown[] = [];
    const subscriber = subscriberOf<number>({
      next: (value) => log.push(value),
      error: (error: unknown) => log.push(error),
      complete: () => log.push('done'),
    });
    of(1, 2).subscribe(subscriber);
    expect(log).toStrictEqual([1, 2, 'done']);
  });

  it('stops a source that emits within subscribe', () => {
    let emitted = 0;
    const subscriber: Subscriber<number> = subscriberOf({
      ...silent,
      next: (value: number) => {
        if (value === 3) subscriber.unsubscribe();
      },
    });
    new Observable<number>((to) => {
      while (!to.closed && emitted < 10) to.next(++emitted);
    }).subscribe(subscriber);
    expect(emitted).toBe(3);
  });
});
