import { describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { sha256 } from '../../lib/wire/sha256.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('sha256()', () => {
  it('computes the hashes that the standard lists', () => {
    expect(hex(sha256(new TextEncoder().encode('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it('equals OpenSSL for each length around block ends, and leaves its argument unchanged', () => {
    const wrong: string[] = [];
    for (let length = 0; length <= 300; length++) {
      const bytes = new Uint8Array(randomBytes(length));
      const before = hex(bytes);
      const expected = createHash('sha256').update(bytes).digest('hex');
      if (hex(sha256(bytes)) !== expected || hex(bytes) !== before) wrong.push(before);
    }
    expect(wrong).toStrictEqual([]);
  });

  it('reads only its part of a buffer', () => {
    const bytes = new Uint8Array(randomBytes(500));
    const part = bytes.subarray(100, 250);
    expect(hex(sha256(part))).toBe(createHash('sha256').update(part).digest('hex'));
  });
});
