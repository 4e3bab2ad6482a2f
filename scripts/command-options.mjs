// The options of a script: what `--help` says of them, and whole numbers that are checked.
import { parseArgs } from 'node:util';

/**
 * Parses the arguments of this process. `--help` prints the options and ends the process; what cannot be parsed ends it with 2.
 *
 * @param {string} usage What stands before the options.
 * @param {Record<string, { help: string, default?: string | boolean, least?: number }>} options Their defaults decide what
 *   they take: a boolean is a flag. `least`: a whole number, and the smallest one.
 * @returns {Record<string, any>} The values; numbers where `least` is given.
 */
export function readOptions(usage, options) {
  const all = { ...options, help: { help: 'Print this text.', default: false } };
  const entries = Object.entries(all);
  const types = entries.map(([name, { default: value = '' }]) => [
    name,
    { type: typeof value === 'boolean' ? 'boolean' : 'string', default: value },
  ]);
  const { values } = orRefuse(() => parseArgs({ options: Object.fromEntries(types) }));
  if (values.help) {
    console.log([usage, '', ...helpLines(entries)].join('\n'));
    process.exit(0);
  }
  for (const [name, { least }] of entries) {
    if (least === undefined) continue;
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < least || values[name] === '')
      refuse(`--${name} must be a whole number, ${least} or more; it is ${values[name]}.`);
    values[name] = value;
  }
  return values;
}

function helpLines(entries) {
  const heads = entries.map(
    ([name, { default: value = '' }]) => `  --${name}${typeof value === 'boolean' ? '' : ' …'}`,
  );
  const width = Math.max(...heads.map(({ length }) => length)) + 2;
  return entries.map(([, { help, default: value }], index) => {
    const text = typeof value === 'string' && value !== '' ? `${help} Default: ${value}.` : help;
    return `${heads[index].padEnd(width)}${text}`;
  });
}

function orRefuse(parse) {
  try {
    return parse();
  } catch (error) {
    return refuse(`${error.message} See --help.`);
  }
}

function refuse(message) {
  console.error(`rxgrid: ${message}`);
  process.exit(2);
}
