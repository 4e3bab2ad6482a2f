// The options of a script: what `--help` says of them, and whole numbers that are checked. Those of the benchmarks,
// too.
import { parseArgs } from 'node:util';

/**
 * Parses the arguments of this process. `--help` prints the options and ends the process; what cannot be parsed ends it
 * with 2.
 *
 * @param {string} usage What stands before the options.
 * @param {Record<string, { help: string, value?: string, default?: string | boolean, least?: number }>} options Their
 *   defaults decide what they take: a boolean is a flag. `least`: a whole number, and the smallest one. `value`: what the help
 *   calls the value.
 * @returns {Record<string, any>} The values; numbers where `least` is given, undefined where there is neither a value
 * nor a default.
 */
export function readOptions(usage, options) {
  const all = { ...options, help: { help: 'Print this text.', default: false } };
  const entries = Object.entries(all);
  const types = entries.map(([name, { default: value }]) => [
    name,
    { type: typeof value === 'boolean' ? 'boolean' : 'string', ...(value === undefined ? {} : { default: value }) },
  ]);
  const { values } = orRefuse(() => parseArgs({ options: Object.fromEntries(types) }));
  if (values.help) {
    console.log([usage, '', ...helpLines(entries)].join('\n'));
    process.exit(0);
  }
  for (const [name, { least }] of entries) {
    if (least === undefined || values[name] === undefined) continue;
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < least || values[name] === '')
      refuse(`--${name} must be a whole number, ${least} or more; it is ${values[name]}.`);
    values[name] = value;
  }
  return values;
}

function helpLines(entries) {
  const heads = entries.map(
    ([name, { default: standard, value = '…' }]) => `  --${name}${typeof standard === 'boolean' ? '' : ` ${value}`}`,
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

/** Ends the process: the arguments make no sense. */
export function refuse(message) {
  console.error(`rxgrid: ${message}`);
  process.exit(2);
}
