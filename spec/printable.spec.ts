import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { printable, printableUrl } from '../lib/printable.js';

describe('printable()', () => {
  it.each([
    ['plain text, ünï✓𝄞 and עברית', 'plain text, ünï✓𝄞 and עברית'],
    ['\x1b]0;TITLE\x07\x1b[2J', '\\u001b]0;TITLE\\u0007\\u001b[2J'],
    ['a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['\x7f\x9b31m', '\\u007f\\u009b31m'],
    ['\u202egnp.exe\u2066', '\\u202egnp.exe\\u2066'],
    ['a\u2028b\u200b\ufeff', 'a\\u2028b\\u200b\\ufeff'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\ud800x', '\\ud800x'],
  ])('%j becomes %j', (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it('removes controls, direction marks and lone surrogates, and keeps to its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 1, max: 40 }), (text, max) => {
        const shown = printable(text, max);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
        expect(shown.length).toBeLessThanOrEqual(max + 1);
      }),
    );
  });

  it('truncates a long text before it is processed', () => {
    expect(printable('x'.repeat(1 << 24), 5)).toBe('xxxxx…');
    expect(printable('\x1b\x1b', 6)).toBe('\\u001b…');
    expect(printable('abc', 3)).toBe('abc');
  });
});

describe('printableUrl()', () => {
  it.each([
    ['wss://host.example/minio/grid/v1', 'wss://host.example/minio/grid/v1'],
    ['ws://user:hunter2@127.0.0.1:1/x', 'ws://127.0.0.1:1/x'],
    ['ws://127.0.0.1:1/x?token=secret&y=1#z', 'ws://127.0.0.1:1/x?…'],
    ['user:hunter2@host:port?token=secret', 'a text that is no URL'],
    ['//user:hunter2@host', 'a text that is no URL'],
    ['no \x1b url', 'no \\u001b url'],
  ])('shows %j as %j', (url, shown) => {
    expect(printableUrl(url)).toBe(shown);
  });
});
