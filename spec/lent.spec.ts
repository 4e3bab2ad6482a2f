import { describe, expect, it } from '@jest/globals';
import { keep, lend, readOn } from '../lib/lent.js';
import { bytesOf } from './support/protocol/frames.js';

/** Lends a message in the middle of other memory; `take` gets it, and the memory is overwritten afterwards. */
function lent<T>(size: number, take: (message: Uint8Array) => T): { result: T; allocated: number[] } {
  const memory = new Uint8Array(size + 20);
  const message = memory.subarray(10, 10 + size).fill(1);
  const allocated: number[] = [];
  let result: T | undefined;
  lend(
    message,
    (given) => {
      result = take(given);
    },
    (bytes) => {
      allocated.push(bytes);
      return new Uint8Array(bytes);
    },
  );
  memory.fill(0xee);
  return { result: result!, allocated };
}

const ones = (length: number): Uint8Array => new Uint8Array(length).fill(1);

describe('keep', () => {
  it('returns bytes that are not lent, also while others are', () => {
    const own = bytesOf('own');
    expect(keep(own)).toBe(own);
    const { allocated } = lent(100, () => {
      expect(keep(own)).toBe(own);
    });
    expect(allocated).toStrictEqual([]);
  });

  it('copies a payload that is at least half of its message alone, in memory of its exact size', () => {
    const { result, allocated } = lent(20_000, (message) => keep(message.subarray(100, 10_100)));
    expect(allocated).toStrictEqual([10_000]);
    expect(result).toStrictEqual(ones(10_000));
    expect(result.buffer.byteLength).toBe(10_000);
  });

  it('copies a message once for all its smaller payloads, which then share memory', () => {
    const { result, allocated } = lent(10_000, (message) => [
      keep(message.subarray(0, 5)),
      keep(message.subarray(5_000, 5_100)),
    ]);
    expect(allocated).toStrictEqual([10_000]);
    expect(result).toStrictEqual([ones(5), ones(100)]);
    expect(result[0]!.buffer).toBe(result[1]!.buffer);
  });

  it('lets small messages share a slab, without touching each other', () => {
    const first = lent(100, (message) => keep(message)).result;
    const second = lent(101, (message) => keep(message)).result;
    expect(first.buffer.byteLength).toBe(64 << 10);
    second.fill(9);
    expect(first).toStrictEqual(ones(100));
    first.fill(8);
    expect(second).toStrictEqual(new Uint8Array(101).fill(9));
  });

  it('retains no large message for a small payload', () => {
    const { result, allocated } = lent(100_000, (message) => keep(message.subarray(0, 9_000)));
    expect([allocated, result]).toStrictEqual([[9_000], ones(9_000)]);
  });

  it('returns a Uint8Array where the lent memory is that of a Buffer', () => {
    const message = Buffer.from('abc');
    let kept: Uint8Array | undefined;
    lend(message, (given) => {
      kept = keep(given.subarray(1));
    });
    expect(kept!.constructor).toBe(Uint8Array);
  });

  it('knows which message is lent in a nested delivery', () => {
    const { result } = lent(50, (outer) => {
      const before = keep(outer.subarray(0, 2));
      const inner = lent(60, keep).result;
      return [before, inner, keep(outer.subarray(0, 4))] as const;
    });
    expect(result).toStrictEqual([ones(2), ones(60), ones(4)]);
  });

  it('returns the bytes themselves once their message is no longer lent, even after an error', () => {
    const message = bytesOf('message');
    const fail = (): void => {
      lend(message, () => {
        throw new Error('failed');
      });
    };
    expect(fail).toThrow('failed');
    expect(keep(message)).toBe(message);
  });
});

describe('readOn', () => {
  it('returns the copy of a message of which a part was kept, at the same positions', () => {
    const { result } = lent(100, (message) => {
      message[7] = 42;
      const before = readOn(message) === message;
      keep(message.subarray(0, 1));
      return [before, readOn(message)] as const;
    });
    expect(result[0]).toBe(true);
    expect([result[1].length, result[1][7]]).toStrictEqual([100, 42]);
  });

  it('leaves a message that is not the lent one', () => {
    const other = bytesOf('other');
    lent(100, (message) => {
      keep(message);
      expect(readOn(other)).toBe(other);
    });
    expect.assertions(1);
  });
});
