import { parseArgs } from 'node:util';
import { groups } from './groups.mjs';

export const usage = `npm run bench -- [options]

  --quick          the rates only, beside raw ws and rsocket: less than a minute
  --only NAMES     groups, or cells of them, separated by commas: ${groups.map(({ name }) => name).join(', ')}; rates/stream-100
  --peers FOLDER   adds the peers of a harness folder (FOLDER/adapters/NAME.mjs) that gates.json names
  --rounds N       rounds of each cell; default 5
  --ms N           length of a round, default 250; of each way in "slow", default 5000
  --warm N         warm-up before the rounds of a cell, in ms; default 800, with --quick 300
  --check          a cell that falls short is measured twice more; exit 1 if its median falls short, too
  --json FILE      writes everything as JSON
  --markdown FILE  writes the tables as Markdown, into the places that FILE has for them: <!-- bench GROUP -->; a new FILE gets all
  --list           names the groups and their cells`;

/** @throws Error with a text for the user, for arguments that make no sense. */
export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      ms: { type: 'string' },
      warm: { type: 'string' },
      check: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const only = values.only?.split(',').map((text) => {
    const [group, cell] = text.split('/');
    const found = groups.find(({ name }) => name === group);
    if (found === undefined) throw new Error(`--only ${text}: there is no group ${group}. --list names them.`);
    if (cell !== undefined && found.cells?.includes(cell) === false) {
      throw new Error(`--only ${text}: ${group} has ${found.cells.join(', ')}.`);
    }
    return { group, cell };
  });
  const selected = only
    ? groups.filter(({ name }) => only.some(({ group }) => group === name))
    : groups.filter((group) => !quick || group.quick);
  const positive = (name, text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`--${name} takes a whole number from 1 on, not ${text}.`);
    return value;
  };
  return {
    ...values,
    groups: selected,
    /** Whether the user asked for this cell. */
    asks: (group, cell) =>
      only === undefined || only.some((one) => one.group === group && (one.cell === undefined || one.cell === cell)),
    rounds: positive('rounds', values.rounds),
    ms: values.ms === undefined ? undefined : positive('ms', values.ms),
    warm: positive('warm', values.warm ?? (quick ? '300' : '800')),
  };
}
