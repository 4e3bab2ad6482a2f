import { expect, it } from '@jest/globals';
import { Subject, takeUntil } from 'rxjs';
import { pulled } from '../../../lib/flow/pull/pulled.js';

it('returns a generator that unsubscribes within its own call once it stands still, and reports nothing', () => {
  const stop = new Subject<void>();
  const thrown: unknown[] = [];
  let cleaned = 0;
  function* items(): Generator<number> {
    try {
      yield 1;
      stop.next();
      yield 2;
    } finally {
      cleaned++;
    }
  }
  const values: number[] = [];
  pulled(
    () => items(),
    1,
    (error) => thrown.push(error),
  )
    .pipe(takeUntil(stop))
    .subscribe((value) => values.push(value));
  expect([values, cleaned, thrown]).toStrictEqual([[1], 1, []]);
});
