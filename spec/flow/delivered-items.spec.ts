import { describe, expect, it } from '@jest/globals';
import { DeliveredItems } from '../../lib/flow/delivered-items.js';
import { DeliverySource, nextDelivery } from '../../lib/flow/delivery.js';

describe('items counted by delivery', () => {
  const within = (partOf: number, task: () => void): void => {
    const source = new DeliverySource(() => undefined);
    source.partOf = partOf;
    source.deliver({ next: task }, 1);
  };

  it('have the bound of a whole buffer, plus one item, for each delivery in one piece', () => {
    const items = new DeliveredItems(2);
    const log: boolean[] = [];
    for (let count = 0; count < 2; count++) {
      within(0, () => {
        for (let item = 0; item < 4; item++) log.push(items.add() > 0);
      });
    }
    expect(log).toStrictEqual([true, true, true, false, true, true, true, false]);
  });

  it('have the byte bound of a whole buffer, with a minimum of one item', () => {
    const items = new DeliveredItems(9, 10);
    const log: boolean[] = [];
    for (const bytes of [99, 4]) {
      within(0, () => {
        for (let item = 0; item < 3; item++) log.push(items.add(bytes) > 0);
      });
    }
    expect(log).toStrictEqual([true, false, false, true, true, false]);
  });

  it('free room for others of their delivery when they leave the buffer', () => {
    const items = new DeliveredItems(1, 2);
    const log: boolean[] = [];
    within(0, () => {
      for (let item = 0; item < 5; item++) {
        const delivery = items.add(2);
        log.push(delivery > 0);
        items.remove(delivery, 2);
      }
    });
    expect(log).toStrictEqual([true, true, true, true, true]);
  });

  it('count as one each for a delivery in several parts, also with others between them', () => {
    const items = new DeliveredItems(9);
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
