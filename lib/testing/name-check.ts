import { anything, checkOptions, nearest, type Rule } from '../check.js';
import { ConfigurationError } from '../errors.js';

/** A sentence that suggests the name that was probably meant. */
export function nearestOf(name: string, known: readonly string[]): string {
  // Every name of one or two letters is near every other one.
  const close = name.length < 3 ? undefined : nearest(name, known);
  return close === undefined ? `There are: ${known.join(', ')}.` : `Did you mean ${close}?`;
}

/**
 * Checks a short name of a host. `what` completes "… is no host of …".
 *
 * @throws ConfigurationError with the name that was probably meant.
 */
export function checkHostName(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  throw new ConfigurationError(`${name} is no host of ${what}. ${nearestOf(name, known)}`);
}

/** What the option `hosts` of a cluster may name. @throws ConfigurationError */
export function checkShortNames(names: readonly string[]): void {
  if (names.length === 0) throw new ConfigurationError("cluster: it needs a host, such as hosts: ['a', 'b'].");
  for (const [index, name] of names.entries()) {
    if (name.includes('/')) {
      throw new ConfigurationError(`cluster: ${name} must be a short name, such as a; the kit makes a URL of it.`);
    }
    if (names.indexOf(name) !== index) throw new ConfigurationError(`cluster: two hosts are named ${name}.`);
  }
}

/** Why a host of a cluster makes no calls before its start. Completes "There is no connection to http://b: …". */
export function notStartedText(name: string): string {
  return `host ${name} of the cluster is not started: \`await grid.connected()\` first, or \`await host.start()\``;
}

/** What only a cluster in memory has, whose time is virtual. */
const ofVirtualTime = [
  ...['latency', 'jitter', 'bandwidth', 'line', 'history'],
  ...['clock', 'skew', 'peers', 'changingList'],
];

/**
 * Checks the names of the options of a cluster; the values are checked where they are used.
 *
 * @throws ConfigurationError for a name that neither a cluster nor, by its rules, its managers have.
 */
export function checkClusterOptions(
  options: object,
  managerRules: Readonly<Record<string, Rule>>,
  { overSockets = false } = {},
): void {
  const known = ['hosts', 'setup', ...(overSockets ? [] : ofVirtualTime), ...Object.keys(managerRules)];
  const foreign = Object.keys(options).find((name) => overSockets && ofVirtualTime.includes(name));
  if (foreign !== undefined) {
    throw new ConfigurationError(
      `cluster: ${foreign} needs virtual time: run this test with gridTest, or leave it out.`,
    );
  }
  checkOptions(options, Object.fromEntries(known.map((name) => [name, anything])), { of: 'cluster' });
}
