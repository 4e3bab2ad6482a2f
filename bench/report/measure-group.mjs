import { judge, settle } from './gates.mjs';

/** Measurements that a cell gets in all, where it falls short. */
const attempts = 3;
/** Length of a round in ms, where neither the user nor the group names one. */
const defaultMs = 250;

const keyOf = (name, against) => JSON.stringify([name, against]);

/**
 * Measures a group. With `check`, cells that fall short are measured twice more, and the median of the three counts.
 * Notes are texts about the results, for below the table.
 */
export async function measureGroup(group, { rounds, ms = group.ms ?? defaultMs, warm, peers, check, asks }) {
  const notes = [];
  const measure = (wants) =>
    group.run({
      rounds,
      ms,
      warm,
      peers,
      wants: (cell, against) => asks(group.name, cell) && wants(keyOf(cell, against)),
      note: (text) => console.error(`${group.name}: ${text}`),
      remark: (text) => notes.includes(text) || notes.push(text),
    });
  const cells = await measure(() => true);
  if (!check) return { cells, notes };

  const short = new Map(
    cells.filter((cell) => judge(cell) === 'short').map((cell) => [keyOf(cell.name, cell.against), [cell]]),
  );
  for (let attempt = 1; attempt < attempts && short.size > 0; attempt++) {
    for (const cell of await measure((key) => short.has(key))) short.get(keyOf(cell.name, cell.against))?.push(cell);
  }
  const settled = cells.map((cell) => {
    const measurements = short.get(keyOf(cell.name, cell.against));
    return measurements === undefined ? cell : settle(measurements);
  });
  return { cells: settled, notes };
}
