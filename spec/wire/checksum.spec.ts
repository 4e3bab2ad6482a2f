import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createChecksum, type Checksum } from '../../lib/wire/checksum.js';

interface Vector {
  text: string | { repeat: string; times: number };
  xxh3_64: string;
}

const vectors = (JSON.parse(readFileSync('spec/vectors/xxh3.json', 'utf8')) as Vector[]).map(({ text, xxh3_64 }) => ({
  text: typeof text === 'string' ? text : text.repeat.repeat(text.times),
  hash: BigInt(`0x${xxh3_64}`),
}));

let checksum: Checksum;
beforeAll(async () => {
  checksum = await createChecksum();
});

describe('Checksum', () => {
  it('computes the recorded hashes, whole and in 32 bits', () => {
    expect(vectors.length).toBeGreaterThan(10);
    for (const { text, hash } of vectors) {
      expect(checksum.hash64(text)).toStrictEqual(hash);
      expect(checksum.hash(new TextEncoder().encode(text))).toStrictEqual(Number(hash & 0xffff_ffffn));
    }
  });

  it('computes the same for parts as for the whole, wherever it is split', () => {
    const bytes = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 131 + (i >> 8)) & 0xff);
    const whole = checksum.hash(bytes);
    for (const cut of [0, 1, 255, 256, 257, 16_384, 16_385, 49_999, 50_000]) {
      const parts = [bytes.subarray(0, cut), new Uint8Array(0), bytes.subarray(cut)];
      expect(checksum.hashParts(parts)).toBe(whole);
    }
    expect(checksum.hashParts([])).toBe(checksum.hash(new Uint8Array(0)));
  });

  it('hashes a view at an offset, and any ArrayBufferView of Node', () => {
    const padded = new TextEncoder().encode('??abc??');
    const abc = checksum.hash(new TextEncoder().encode('abc'));
    expect(checksum.hash(padded.subarray(2, 5))).toBe(abc);
    expect(checksum.hash(Buffer.from('abc'))).toBe(abc);
  });

  it('is one instance, however often it is created', async () => {
    expect(await createChecksum()).toBe(checksum);
  });
});
