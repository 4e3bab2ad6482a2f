import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonLine } from '../../../lib/cli/output/json-line.js';

it('is one line of ASCII, with the same value', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 200 });
  fc.assert(
    fc.property(texts, fc.nat(), (path, size) => {
      const value = { path, size };
      const line = jsonLine(value);
      expect(line).toMatch(/^[\u0020-\u007e]*$/);
      expect(JSON.parse(line)).toStrictEqual(value);
    }),
  );
});

it.each(['\u{e0001}', '\u202e', '\u009b', '\u007f', '\ud800', 'x'.repeat(20_000)])('keeps %j', (path) => {
  expect(JSON.parse(jsonLine({ path }))).toStrictEqual({ path });
});
