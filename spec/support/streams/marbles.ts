import { expect } from '@jest/globals';
import { TestScheduler } from 'rxjs/testing';

/** A scheduler whose expectations are jest's. */
export function testScheduler(): TestScheduler {
  return new TestScheduler((actual, expected) => {
    expect(actual).toStrictEqual(expected);
  });
}
