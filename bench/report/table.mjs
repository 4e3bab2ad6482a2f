import { judge } from './gates.mjs';
import { format } from './number.mjs';

/** @typedef {import('./gates.mjs').Cell} Cell */

/**
 * Rows of strings as a Markdown table: it reads well in a terminal too. The first row is the head.
 *
 * @param {readonly (readonly string[])[]} rows
 */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (/** @type {readonly string[]} */ row) =>
    `| ${row.map((text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

/** @param {Cell} cell */
function verdictOf(cell) {
  const verdict = judge(cell);
  return verdict === 'short' ? '**short**' : verdict === 'stated' ? '' : verdict;
}

/** @param {number | undefined} bound @param {Cell} cell */
const boundOf = (bound, cell) => (bound === undefined ? '' : `${cell.less === true ? '≤' : '≥'} ${format(bound)}`);

/**
 * One row for each cell: its value, gate, stretch, and where it stands.
 *
 * @param {readonly Cell[]} cells
 */
export function cellTable(cells) {
  const details = [...new Set(cells.flatMap((cell) => Object.keys(cell.details ?? {})))];
  const compared = cells.some((cell) => cell.against !== undefined);
  const gated = cells.some((cell) => cell.gate !== undefined);
  const head = ['cell', ...(compared ? ['against'] : []), ...details, 'value'];
  if (gated) head.push('gate', 'stretch', 'verdict');
  const rows = cells.map((cell) => {
    const unit = cell.unit === '' ? '' : cell.unit === 'x' ? 'x' : ` ${cell.unit}`;
    const row = [cell.name, ...(compared ? [cell.against ?? ''] : [])];
    for (const detail of details) {
      const value = cell.details?.[detail] ?? '';
      row.push(typeof value === 'number' ? format(value) : value);
    }
    row.push(format(cell.value) + unit);
    if (gated) row.push(boundOf(cell.gate, cell), boundOf(cell.stretch, cell), verdictOf(cell));
    return row;
  });
  return table([head, ...rows]);
}
