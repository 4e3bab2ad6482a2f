import { judge } from './gates.mjs';
import { format } from './number.mjs';
import { table } from './table.mjs';

/** @typedef {import('./gates.mjs').Cell} Cell */

/** @param {Cell} cell */
function entryOf(cell) {
  const value = format(cell.value);
  if (cell.gate === undefined) return `(${value})`;
  const verdict = judge(cell);
  const shown = verdict === 'short' ? `**${value}**` : verdict === 'stretch' ? `${value} +` : value;
  return `${shown} (${[cell.gate, cell.stretch].filter((bound) => bound !== undefined).join(' / ')})`;
}

/**
 * One row for each peer, one column for each cell: the ratio, and in brackets gate and stretch. Bold: short of the
 * gate; `+`: at stretch; a ratio in brackets has no gate. The first row has what our side did, per second.
 *
 * @param {readonly Cell[]} cells with `against`, and `ours` in their details
 */
export function matrix(cells) {
  const names = [...new Set(cells.map(({ name }) => name))];
  const peers = [...new Set(cells.map(({ against = '' }) => against))];
  const find = (/** @type {string} */ name, /** @type {string} */ peer) =>
    cells.find((cell) => cell.name === name && cell.against === peer);
  const ours = names.map((name) => cells.find((cell) => cell.name === name)?.details?.ours);
  return table([
    ['against', ...names],
    ['rxgrid itself, per second', ...ours.map((rate) => (typeof rate === 'number' ? format(rate) : ''))],
    ...peers.map((peer) => [
      peer,
      ...names.map((name) => {
        const cell = find(name, peer);
        return cell === undefined ? '' : entryOf(cell);
      }),
    ]),
  ]);
}
