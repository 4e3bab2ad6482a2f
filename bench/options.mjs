import { readOptions, refuse } from '../scripts/command-options.mjs';
import { groups } from './groups.mjs';

/** The options of this process. `--help` prints them and ends it; arguments that make no sense end it with 2. */
export function benchOptions() {
  const values = readOptions(
    'npm run bench -- [options]: measures, one cell after the other. See docs/performance.md.',
    {
      quick: { help: 'The rates only, beside raw ws and rsocket: less than a minute.', default: false },
      only: {
        value: 'NAMES',
        help: `Groups, or cells of them, with commas between them: ${groups.map(({ name }) => name).join(', ')}; rates/stream-100.`,
      },
      peers: {
        value: 'FOLDER',
        help: 'Adds the peers of a harness folder (FOLDER/adapters/NAME.mjs) that gates.json names.',
      },
      rounds: { value: 'N', help: 'Rounds of each cell.', default: '5', least: 1 },
      ms: { value: 'N', help: 'Length of a round, by default 250; of each way in "slow", by default 5000.', least: 1 },
      warm: {
        value: 'N',
        help: 'Warm-up before the rounds of a cell, in ms; by default 800, with --quick 300.',
        least: 1,
      },
      check: {
        help: 'A cell that falls short is measured twice more; exit 1 if its median falls short, too.',
        default: false,
      },
      json: { value: 'FILE', help: 'Writes everything as JSON.' },
      markdown: {
        value: 'FILE',
        help: 'Writes the tables as Markdown, into the places that FILE has for them: <!-- bench GROUP -->; a new FILE gets all.',
      },
      list: { help: 'Names the groups and their cells.', default: false },
    },
  );
  const { quick } = values;
  const only = values.only?.split(',').map(toCell);
  return {
    ...values,
    groups: only
      ? groups.filter(({ name }) => only.some(({ group }) => group === name))
      : groups.filter((group) => !quick || group.quick),
    /** Whether the user asked for this cell. */
    asks: (group, cell) =>
      only === undefined || only.some((one) => one.group === group && (one.cell === undefined || one.cell === cell)),
    warm: values.warm ?? (quick ? 300 : 800),
  };
}

function toCell(text) {
  const [group, cell] = text.split('/');
  const found = groups.find(({ name }) => name === group);
  if (found === undefined) return refuse(`--only ${text}: there is no group ${group}. --list names them.`);
  if (cell !== undefined && found.cells?.includes(cell) === false) {
    return refuse(`--only ${text}: ${group} has ${found.cells.join(', ')}.`);
  }
  return { group, cell };
}
