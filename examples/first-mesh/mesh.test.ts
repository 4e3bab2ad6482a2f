// mesh.test.ts: two hosts in one process, linked in memory, on virtual time
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gridTest } from 'rxgrid/testing';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { add, count, serve } from './service.js';

test('one host adds and counts for the other', () =>
  gridTest(async ({ cluster }) => {
    const grid = cluster({ hosts: ['a', 'b'], latency: 5, setup: serve });
    await grid.connected();
    const b = grid.host('a').connection('b');
    assert.equal(await firstValueFrom(b.request(add, { a: 1, b: 2 })), 3);
    assert.deepEqual(await lastValueFrom(b.stream(count, { to: 3 }).pipe(toArray())), [1, 2, 3]);
  }));
