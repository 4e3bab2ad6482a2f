// Run it with `node --test`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type, unary } from 'rxgrid';
import { frames, gridTest } from 'rxgrid/testing';

const greet = unary({ id: 1, name: 'greet', request: type(), response: type() });

test('a greeting takes a round trip', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const { a, b, cable } = link({ latency: 3 });
    b.handle(greet, async (name) => `Hello, ${name}!`);
    expectFrames(cable).toBe('r--p', { r: frames.request(greet, 'Ann'), p: frames.response(greet, 'Hello, Ann!') });
    expectObservable(a.request(greet, 'Ann')).toBe('------(g|)', { g: 'Hello, Ann!' });
  }));

test('a day of a cluster', () =>
  gridTest(
    async ({ cluster, advance, clock }) => {
      const grid = cluster(2);
      await grid.connected();
      await advance('1440m');
      assert.ok(clock.elapsed > 86_400_000);
    },
    { maxTime: Infinity },
  ));
