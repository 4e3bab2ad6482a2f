/**
 * The sums of two sets of counts, by the names that `left` has. `right` may have further members, which are left out.
 */
export function addCounts<T extends { readonly [K in keyof T]: number }>(
  left: T,
  right: { readonly [K in keyof T]: number },
): T {
  const sums: Partial<Record<keyof T, number>> = {};
  for (const name of Object.keys(left) as (keyof T)[]) sums[name] = left[name] + right[name];
  return sums as T;
}
