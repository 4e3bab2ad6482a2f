import { ConfigurationError } from '../errors.js';
import { shown } from '../check.js';

/**
 * The `count` hosts that own a key, best first, by rendezvous hashing: the hosts with the largest hashes of host name
 * and key. All who know the same hosts agree without asking each other, and a change of membership moves only the keys
 * of the hosts that came or went: 1/N of them.
 *
 * @param hosts - All hosts, in any order, without duplicates.
 * @param hash64 - XXH3-64 with seed 0 of the UTF-8 bytes, as an unsigned integer: `Checksum.hash64`.
 * @throws ConfigurationError where the key is no text, or the count no whole number of 1 or more.
 */
export function ownersOf(
  key: string,
  count: number,
  hosts: readonly string[],
  hash64: (text: string) => bigint,
): readonly string[] {
  if (typeof key !== 'string') throw new ConfigurationError(`ownersOf: the key must be a text; it is ${shown(key)}.`);
  if (!Number.isInteger(count) || count < 1) {
    throw new ConfigurationError(
      `ownersOf: the number of owners must be a whole number, 1 or more; it is ${shown(count)}.`,
    );
  }
  // No host name has a space, so no two pairs of host and key are one text.
  const ranked = hosts.map((host) => ({ host, weight: hash64(`${host} ${key}`) }));
  ranked.sort((left, right) => {
    if (left.weight !== right.weight) return left.weight > right.weight ? -1 : 1;
    return left.host < right.host ? -1 : 1;
  });
  return ranked.slice(0, count).map(({ host }) => host);
}
