import { describe, expect, it } from '@jest/globals';
import { DeliverySource, nextDelivery } from '../../lib/flow/delivery.js';
import { FirstItems } from '../../lib/flow/first-items.js';

describe('the first items of deliveries', () => {
  const within = (partOf: number, task: () => void): void => {
    const source = new DeliverySource(() => undefined);
    source.partOf = partOf;
    source.deliver({ next: task }, 1);
  };

  it('are distinguished from the further items of a delivery', () => {
    const items = new FirstItems();
    const log: boolean[] = [];
    for (let count = 0; count < 2; count++) within(0, () => log.push(items.add() > 0, items.add() > 0));
    expect(log).toStrictEqual([true, false, true, false]);
  });

  it('are one at a time for a delivery that comes in parts, also where others come between', () => {
    const items = new FirstItems();
    const [left, right] = [nextDelivery(), nextDelivery()];
    const added: number[] = [];
    const add = (delivery: number): void => within(delivery, () => added.push(items.add()));
    for (const delivery of [left, right, left, right]) add(delivery);
    expect(added).toStrictEqual([left, right, 0, 0]);
    items.remove(left);
    for (const delivery of [left, right]) add(delivery);
    expect(added.slice(4)).toStrictEqual([left, 0]);
  });
});
