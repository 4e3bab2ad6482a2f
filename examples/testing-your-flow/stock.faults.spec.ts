import { expect, test } from '@jest/globals';
import { catchError, defer, EMPTY, mergeMap, retry, timer } from 'rxjs';
import { DisconnectedError } from 'rxgrid';
import { anError, gridTest } from 'rxgrid/testing';
import { reserve, serveStock, watchLevel } from './stock.js';

// Managers as in production: they shake hands, ping, and dial again.
test('the line breaks after the request: the shop cannot know whether it has the goods', () =>
  gridTest(async ({ cluster, faults, expectObservable }) => {
    const grid = cluster({ hosts: ['shop', 'store'], latency: 5 });
    const levels = new Map([['tea', 7]]);
    serveStock(grid.host('store'), levels);
    await grid.connected();
    faults.cut(grid.cable('shop', 'store'), { at: '----------x' });
    expectObservable(grid.host('shop').connection('store').request(reserve, { item: 'tea', count: 2 })).toBe(
      '----------#',
      undefined,
      anError(DisconnectedError, { sent: true }),
    );
  }));

test('ten minutes of cuts, stalls and restarts: a shop that watches again is right in the end', () =>
  gridTest(async ({ cluster, faults, advance }) => {
    const grid = cluster({ hosts: ['shop', 'store'], latency: 5, jitter: 10 });
    const levels = new Map([['tea', 1_000]]);
    serveStock(grid.host('store'), levels);
    await grid.connected();
    const chaos = [
      faults.cut(grid, { every: 20_000 }),
      faults.stall(grid, { every: 30_000, for: 5_000 }),
      faults.restart(grid.host('store'), { every: 60_000, for: 3_000 }),
    ];
    let seen = NaN;
    defer(() => grid.host('shop').connection('store').stream(watchLevel, 'tea'))
      .pipe(retry({ delay: 500 }))
      .subscribe(({ left }) => (seen = left));
    const reserveOne = defer(() =>
      grid.host('shop').connection('store').request(reserve, { item: 'tea', count: 1 }),
    ).pipe(catchError(() => EMPTY));
    timer(0, 1_000)
      .pipe(mergeMap(() => reserveOne))
      .subscribe();
    await advance('10m');
    for (const fault of chaos) fault.unsubscribe();
    await advance('10s');
    expect(levels.get('tea')).toBeLessThan(700);
    expect(seen).toBe(levels.get('tea'));
  }));
