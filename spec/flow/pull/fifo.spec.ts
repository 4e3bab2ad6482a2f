import { describe, expect, it } from '@jest/globals';
import { Fifo } from '../../../lib/flow/pull/fifo.js';

describe('a queue', () => {
  it('returns the oldest first', () => {
    const queue = new Fifo<number>();
    for (const value of [1, 2]) queue.push(value);
    expect([queue.length, queue.shift()]).toStrictEqual([2, 1]);
    queue.push(3);
    expect([queue.shift(), queue.shift(), queue.shift(), queue.length]).toStrictEqual([2, 3, undefined, 0]);
  });

  it('keeps the order, however long it gets and however it is used', () => {
    const queue = new Fifo<number>();
    const taken: (number | undefined)[] = [];
    let pushed = 0;
    for (let round = 0; round < 200; round++) {
      for (let count = 0; count < 50; count++) queue.push(pushed++);
      for (let count = 0; count < 45; count++) taken.push(queue.shift());
    }
    expect(queue.length).toBe(1_000);
    while (queue.length > 0) taken.push(queue.shift());
    expect(taken).toStrictEqual(Array.from({ length: pushed }, (_, index) => index));
  });

  it('returns all queued entries', () => {
    const queue = new Fifo<number>();
    for (const value of [1, 2, 3]) queue.push(value);
    queue.shift();
    expect([queue.clear(), queue.length, queue.shift()]).toStrictEqual([[2, 3], 0, undefined]);
    queue.push(4);
    expect(queue.shift()).toBe(4);
  });
});
