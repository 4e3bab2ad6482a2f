/** @param {readonly number[]} values Not empty. The lower one of two middle values, so that it was really measured. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1];
}

/**
 * The median of the ratios of values that were measured side by side, pair by pair: what slows the machine down for a
 * while slows both.
 *
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 */
export function medianRatio(ours, theirs) {
  return median(ours.map((value, index) => value / theirs[index]));
}
