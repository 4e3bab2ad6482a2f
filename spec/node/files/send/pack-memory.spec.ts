import { describe, expect, it } from '@jest/globals';
import { PackMemory } from '../../../../lib/node/files/send/pack-memory.js';

describe('PackMemory', () => {
  it('gives files of one size one buffer, and each file bytes of its own', () => {
    const memory = new PackMemory(3);
    const files = [1, 2, 3].map((value) => memory.take(100).fill(value));
    expect(new Set(files.map(({ buffer }) => buffer)).size).toBe(1);
    expect(files[0]!.buffer.byteLength).toBe(300);
    expect(files.map((bytes) => [bytes.length, bytes.every((byte) => byte === bytes[0]), bytes[0]])).toStrictEqual([
      [100, true, 1],
      [100, true, 2],
      [100, true, 3],
    ]);
  });

  it('takes a further buffer, of 64 KiB at most, for a file that does not fit', () => {
    const memory = new PackMemory(32);
    const first = memory.take(10);
    const second = memory.take(40_000);
    const third = memory.take(40_000);
    expect([first, second, third].map(({ buffer }) => buffer.byteLength)).toStrictEqual([320, 65_536, 65_536]);
    expect(third.buffer).not.toBe(second.buffer);
  });

  it('serves more files than were announced', () => {
    const memory = new PackMemory(1);
    expect([memory.take(5).length, memory.take(5).length, memory.take(0).length]).toStrictEqual([5, 5, 0]);
  });
});
