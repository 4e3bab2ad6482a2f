import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { slabBytes, slabHooks, Slabs } from '../../lib/wire/slabs.js';
import { runs } from '../support/property-runs.js';

/** Writes a message of `length` times `value`, as a batch does. */
function write(slabs: Slabs, length: number, value: number): Uint8Array {
  const bytes = slabs.take(length);
  bytes.fill(value, slabs.at, slabs.at + length);
  return slabs.message(slabs.at, slabs.at + length);
}

it('reuses the same memory when nothing is held', () => {
  const slabs = new Slabs(() => 0);
  const first = write(slabs, 100, 1);
  slabs.reclaim();
  const second = write(slabs, 100, 2);
  expect([second.buffer === first.buffer, second.byteOffset]).toStrictEqual([true, first.byteOffset]);
});

it('releases a full slab when its last byte is no longer referenced, and not before', () => {
  const { onFree } = slabHooks;
  const freed: Uint8Array[] = [];
  slabHooks.onFree = (slab) => freed.push(slab);
  try {
    let referenced = slabBytes;
    const slabs = new Slabs(() => referenced);
    const first = write(slabs, slabBytes, 1);
    slabs.reclaim();
    write(slabs, 100, 2);
    referenced = 101;
    slabs.reclaim();
    expect([freed.length, slabs.held]).toStrictEqual([0, 2]);
    slabs.pass(0);
    referenced = 100;
    slabs.reclaim();
    expect([freed.map(({ buffer }) => buffer === first.buffer), slabs.held]).toStrictEqual([[true], 1]);
    slabs.pass(0);
    referenced = 0;
    slabs.reclaim();
    expect([freed.length, slabs.held]).toStrictEqual([2, 0]);
  } finally {
    slabHooks.onFree = onFree;
  }
});

it('leaves held bytes unchanged, whatever is sent and whenever it is released', () => {
  const step = fc.record({
    length: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 1, max: slabBytes })),
    goes: fc.integer({ min: 0, max: 4 }),
    apart: fc.boolean(),
    user: fc.integer({ min: 0, max: 2 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      // Three users share the memory of the process; each holds messages of its own, oldest first.
      const users = [0, 1, 2].map(() => {
        const held: Uint8Array[] = [];
        return { slabs: new Slabs(() => held.reduce((sum, bytes) => sum + bytes.length, 0)), held };
      });
      let value = 0;
      for (const { length, goes, apart, user } of steps) {
        const { slabs, held } = users[user]!;
        value = (value + 1) % 251;
        if (apart) {
          held.push(new Uint8Array(length).fill(value));
          slabs.pass(length);
        } else held.push(write(slabs, length, value));
        const expected = new Map(users.flatMap((each) => each.held.map((bytes) => [bytes, bytes[0]])));
        held.splice(0, goes);
        slabs.reclaim();
        for (const each of users) {
          for (const bytes of each.held) expect(bytes.every((byte) => byte === expected.get(bytes))).toBe(true);
        }
      }
    }),
    { numRuns: runs(200) },
  );
});

it('returns no memory while the outer of two messages is being sent, or while the next one is written', () => {
  const slabs = new Slabs(() => 0);
  const outer = write(slabs, 100, 1);
  const inner = write(slabs, 100, 2);
  slabs.reclaim();
  expect([outer[0], inner[0]]).toStrictEqual([1, 2]);
  const open = slabs
    .take(100)
    .subarray(slabs.at, slabs.at + 100)
    .fill(3);
  slabs.reclaim();
  const other = write(new Slabs(() => 0), slabBytes, 4);
  expect([open[0], other[0]]).toStrictEqual([3, 4]);
});

it('retains no memory of messages that may be kept forever', () => {
  let referenced = Infinity;
  const slabs = new Slabs(() => referenced);
  const messages = Array.from({ length: 8 }, (_, index) => {
    const message = write(slabs, slabBytes / 2, index);
    slabs.reclaim();
    return message;
  });
  referenced = 0;
  slabs.pass(0);
  slabs.reclaim();
  write(new Slabs(() => 0), slabBytes, 99);
  expect(messages.slice(0, 6).map((bytes) => bytes[0])).toStrictEqual([0, 1, 2, 3, 4, 5]);
});

it('knows the slab of the last written message until it is sent, though the next one uses another slab', () => {
  const slabs = new Slabs(() => 0);
  const [first, second] = [write(slabs, 100, 1), write(slabs, slabBytes - 200, 2)];
  const next = slabs.take(slabBytes);
  expect([
    slabs.slabOf(first),
    slabs.slabOf(second)?.buffer === second.buffer,
    next === slabs.slabOf(second),
  ]).toStrictEqual([undefined, true, false]);
  slabs.close(0);
  slabs.reclaim();
  slabs.reclaim();
  expect(slabs.slabOf(second)).toBe(undefined);
});
