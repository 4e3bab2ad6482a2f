import { describe, expect, it } from '@jest/globals';
import { PayloadStore } from '../../../lib/mux/schedule/payload-store.js';

describe('a stored payload', () => {
  it('has the same bytes, and later payloads leave it unchanged', () => {
    const store = new PayloadStore();
    const payloads = Array.from({ length: 5_000 }, (_, index) => new Uint8Array(1 + (index % 100)).fill(index));
    const kept = payloads.map((payload) => store.keep(payload));
    // One comparison: jest takes a second for so many arrays.
    expect(Buffer.concat(kept).equals(Buffer.concat(payloads))).toBe(true);
    expect(kept.map(({ length }) => length)).toStrictEqual(payloads.map(({ length }) => length));
  });

  it('does not retain the message that it is a small part of', () => {
    const message = new Uint8Array(4 << 20).fill(7);
    const store = new PayloadStore();
    for (const length of [1, 100, 20_000, 1 << 20]) {
      const kept = store.keep(message.subarray(10, 10 + length));
      expect([kept.length, kept.every((byte) => byte === 7)]).toStrictEqual([length, true]);
      expect(kept.buffer.byteLength).toBeLessThanOrEqual(Math.max(length, 64 << 10));
    }
  });

  it('is not copied where it is large and takes up most of its memory', () => {
    const payload = new Uint8Array(1 << 20);
    expect(new PayloadStore().keep(payload)).toBe(payload);
  });

  it('is copied from a Buffer, too', () => {
    const large = Buffer.alloc(1 << 20, 1);
    const kept = new PayloadStore().keep(large.subarray(0, 20_000));
    large.fill(2);
    expect(kept.every((byte) => byte === 1)).toBe(true);
  });
});
