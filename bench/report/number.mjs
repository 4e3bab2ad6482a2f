/**
 * A number with three digits that count, and thousands apart.
 *
 * @param {number} value
 */
export function format(value) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
  return String(size >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}
