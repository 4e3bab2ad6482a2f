// Run it with `vitest run`.
import { type, unary } from 'rxgrid';
import { frames, gridTest } from 'rxgrid/testing';
import { expect, test } from 'vitest';

const greet = unary({ id: 1, name: 'greet', request: type(), response: type() });

test('a greeting takes a round trip', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const { a, b, cable } = link({ latency: 3 });
    b.handle(greet, async (name) => ({ text: `Hello, ${name}!` }));
    expectFrames(cable).toBe('r--p', {
      r: frames.request(greet, 'Ann'),
      p: frames.response(greet, { text: 'Hello, Ann!' }),
    });
    // The matchers of vitest work inside diagrams.
    expectObservable(a.request(greet, 'Ann')).toBe('------(g|)', { g: { text: expect.stringContaining('Ann') } });
  }));
