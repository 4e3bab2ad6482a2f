/** Size of an item that has a `byteLength`. @throws TypeError for any other. */
export function sizeOf(item: unknown): number {
  const size = (item as { byteLength?: unknown } | null | undefined)?.byteLength;
  if (typeof size === 'number') return size;
  throw new TypeError('An item has no byteLength, and a bound in bytes needs its size: give sizeOf.');
}
