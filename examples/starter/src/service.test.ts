import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gridTest } from 'rxgrid/testing';
import { firstValueFrom, lastValueFrom, map, toArray } from 'rxjs';
import { add, Empty, list, serve } from './service.js';

test('what one host adds, another one lists', () =>
  gridTest(async ({ cluster }) => {
    const grid = cluster({ hosts: ['a', 'b'], latency: 5, setup: serve });
    await grid.connected();
    const notes = grid.host('a').connection('b');
    for (const text of ['one', 'two']) await firstValueFrom(notes.request(add, text));
    const texts = notes.stream(list, { from: 1 }).pipe(
      map(({ text }) => text),
      toArray(),
    );
    assert.deepEqual(await lastValueFrom(texts), ['two']);
    await assert.rejects(firstValueFrom(notes.request(add, ' ')), Empty);
  }));
