import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ownersOf } from '../../lib/cluster/owners-of.js';
import { createChecksum, type Checksum } from '../../lib/wire/checksum.js';

let checksum: Checksum;
const owners = (key: string, count: number, hosts: readonly string[]): readonly string[] =>
  ownersOf(key, count, hosts, (text) => checksum.hash64(text));
const named = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `http://host-${String(index)}:9000`);
const hostList = fc.uniqueArray(
  fc.integer({ min: 0, max: 500 }).map((n) => `http://h${String(n)}:1`),
  { minLength: 1, maxLength: 12 },
);

beforeAll(async () => {
  checksum = await createChecksum();
});

describe('ownersOf', () => {
  it('is the same on every host and in every version, as the contract promises', () => {
    const hosts = ['http://a:1', 'http://b:1', 'http://c:1'];
    expect(['x', 'y', 'z', '', 'ключ'].map((key) => owners(key, 2, hosts))).toMatchInlineSnapshot(`
     [
       [
         "http://c:1",
         "http://b:1",
       ],
       [
         "http://b:1",
         "http://c:1",
       ],
       [
         "http://c:1",
         "http://a:1",
       ],
       [
         "http://c:1",
         "http://a:1",
       ],
       [
         "http://c:1",
         "http://b:1",
       ],
     ]
    `);
  });

  it('returns the requested number of different hosts, regardless of the order of the list', () => {
    fc.assert(
      fc.property(fc.string(), hostList, fc.integer({ min: 1, max: 15 }), (key, hosts, count) => {
        const found = owners(key, count, hosts);
        expect(found).toHaveLength(Math.min(count, hosts.length));
        expect(new Set(found).size).toBe(found.length);
        expect(owners(key, count, [...hosts].reverse())).toStrictEqual(found);
        // Fewer owners are the first of more.
        expect(owners(key, 1, hosts)).toStrictEqual(found.slice(0, 1));
      }),
    );
  });

  it('moves only the keys of a removed host, and to an added one', () => {
    fc.assert(
      fc.property(fc.string(), hostList, fc.nat(), (key, hosts, pick) => {
        const gone = hosts[pick % hosts.length]!;
        const before = owners(key, 3, hosts);
        const after = owners(
          key,
          3,
          hosts.filter((host) => host !== gone),
        );
        // Those who stay keep their order; the next one moves up.
        expect(after.slice(0, before.filter((host) => host !== gone).length)).toStrictEqual(
          before.filter((host) => host !== gone),
        );
      }),
    );
  });

  it('moves 1/N of the keys, and gives each host its share', () => {
    const hosts = named(10);
    const keys = Array.from({ length: 5_000 }, (_, index) => `object-${String(index)}`);
    const before = keys.map((key) => owners(key, 1, hosts)[0]!);
    const after = keys.map((key) => owners(key, 1, [...hosts, 'http://new:9000'])[0]!);
    const moved = keys.filter((_, index) => before[index] !== after[index]).length;
    expect(moved / keys.length).toBeGreaterThan(0.8 / 11);
    expect(moved / keys.length).toBeLessThan(1.2 / 11);
    for (const host of hosts) {
      const share = before.filter((owner) => owner === host).length / keys.length;
      expect(share).toBeGreaterThan(0.08);
      expect(share).toBeLessThan(0.12);
    }
  });

  it('keeps hosts and keys apart', () => {
    expect(owners('1', 2, ['http://a:1', 'http://a:11'])).toHaveLength(2);
  });

  it.each([
    [1, 1, /key must be a text/],
    ['x', 0, /number of owners must be a whole number/],
    ['x', 1.5, /number of owners/],
  ])('refuses the key %p and the count %p', (key, count, message) => {
    expect(() => owners(key as string, count, named(2))).toThrow(message);
  });
});
