const utf8 = new TextEncoder();

/**
 * Returns true if `local` is the host that dials (wire protocol, section 1). Both sides compute this from the names
 * alone, so of two different hosts exactly one dials the other, and no host dials itself.
 *
 * @param hash64 - XXH3-64 with seed 0 of the UTF-8 bytes, as an unsigned integer: `Checksum.hash64`.
 */
export function whoDials(local: string, remote: string, hash64: (text: string) => bigint): boolean {
  const here = hash64(local + remote);
  const there = hash64(remote + local);
  return here === there ? precedes(utf8.encode(local), utf8.encode(remote)) : here < there;
}

/** Compares by bytes: the order of JavaScript strings differs above U+FFFF. */
function precedes(left: Uint8Array, right: Uint8Array): boolean {
  const shorter = Math.min(left.length, right.length);
  for (let i = 0; i < shorter; i++) {
    if (left[i] !== right[i]) return left[i]! < right[i]!;
  }
  return left.length < right.length;
}
