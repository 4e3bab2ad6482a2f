/**
 * What a group of cells gives for each cell.
 *
 * @typedef {object} Cell
 * @property {string} name of the cell, unique within its group together with `against`
 * @property {string} [against] the peer that it is compared with
 * @property {number} value
 * @property {string} unit 'x' for a ratio
 * @property {number} [gate] what must be reached; without it the cell is stated only
 * @property {number} [stretch] what is aimed at
 * @property {boolean} [less] the smaller, the better
 * @property {Readonly<Record<string, string | number>>} [details] further columns
 */

/** @typedef {'stated' | 'short' | 'gate' | 'stretch'} Verdict */

/**
 * @param {Cell} cell
 * @param {number} bound
 */
const reaches = (cell, bound) => (cell.less === true ? cell.value <= bound : cell.value >= bound);

/**
 * Where a cell stands: stated (it has no gate), short of its gate, at gate, or at stretch.
 *
 * @param {Cell} cell
 * @returns {Verdict}
 */
export function judge(cell) {
  if (cell.gate === undefined) return 'stated';
  if (!reaches(cell, cell.gate)) return 'short';
  return cell.stretch !== undefined && reaches(cell, cell.stretch) ? 'stretch' : 'gate';
}

/**
 * The cell that counts, of one that was measured again because it fell short: the median of its measurements.
 *
 * @param {readonly Cell[]} measurements Not empty. Of an even number, the worse one of the middle two.
 * @returns {Cell}
 */
export function settle(measurements) {
  const best = measurements[0].less === true ? -1 : 1;
  const sorted = [...measurements].sort((a, b) => best * (a.value - b.value));
  return sorted[(sorted.length - 1) >> 1];
}

/**
 * The last line of every run. Cells without a gate are not counted.
 *
 * @param {readonly Cell[]} cells
 */
export function lastLine(cells) {
  const verdicts = cells.map(judge).filter((verdict) => verdict !== 'stated');
  const atStretch = verdicts.filter((verdict) => verdict === 'stretch').length;
  const atGate = verdicts.filter((verdict) => verdict !== 'short').length;
  return `bench: ${verdicts.length} cells, ${atGate} at gate, ${atStretch} at stretch`;
}
