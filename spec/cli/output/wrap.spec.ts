import { describe, expect, it } from '@jest/globals';
import { wrapped } from '../../../lib/cli/output/wrap.js';

describe('wrapped', () => {
  it('breaks paragraphs between words, whatever their lines were', () => {
    expect(wrapped('one two three\nfour five\n\nKeys: 1 hosts\n', 10)).toBe(
      'one two\nthree four\nfive\n\nKeys: 1\nhosts\n',
    );
  });

  it('leaves lines that fit, and keeps the indentation of others', () => {
    expect(wrapped('Examples:\n  rxgrid top\n  rxgrid call a -d x', 14)).toBe(
      'Examples:\n  rxgrid top\n  rxgrid call\n  a -d x',
    );
  });

  it('leaves a word that is longer than a line to the terminal', () => {
    expect(wrapped('https://example.com/a b', 8)).toBe('https://example.com/a\nb');
    expect(wrapped('abcdefghijkl', 4)).toBe('abcdefghijkl');
    expect(wrapped('     abc def', 0)).toBe('abc\ndef');
  });

  it('keeps prose narrow in a wide terminal', () => {
    const lines = wrapped('word '.repeat(100).trim(), 400).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  });
});
