// #region sockets
import { expect, test } from '@jest/globals';
import { defer, retry } from 'rxjs';
import { gridTest, type FlowContext } from 'rxgrid/testing';
import { socketTest } from 'rxgrid/testing/node';
import { append, Disk, serveStore } from './store.js';

async function itemsSurviveFaults({ cluster, faults, until }: FlowContext): Promise<void> {
  const grid = await cluster({ hosts: ['shop', 'store'] });
  const disk = new Disk();
  serveStore(grid.host('store'), disk);
  await grid.connected();
  const line = grid.cable('shop', 'store');
  const appended: number[] = [];
  const send = (item: number): void => {
    defer(() => grid.host('shop').connection('store').request(append, { key: 'tea', item }, { timeout: 2_000 }))
      .pipe(retry({ count: 50, delay: 100 }))
      .subscribe(() => appended.push(item));
  };
  const slow = faults.slice(grid, 16, { rate: 1, from: 'shop' });
  send(1);
  await until(() => appended.length === 1);
  slow.unsubscribe();
  faults.cut(line);
  send(2);
  await until(() => appended.length === 2);
  expect(new Set(disk.items())).toStrictEqual(new Set([1, 2]));
}

test('on virtual time', () => gridTest(itemsSurviveFaults));
test('over real sockets', () => socketTest(itemsSurviveFaults));
// #endregion
