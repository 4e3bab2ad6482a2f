import type { Command } from 'commander';
import { wholeNumber } from '../output/output.js';

/** Ids above are of hosts that are newer than this command. */
const maxId = 254;

/** Gives a command the options with which it finds its route. */
export function describeRouteOptions(command: Command): Command {
  return command
    .option('--raw', 'bytes in place of JSON: what is sent, and what is printed')
    .option('--id <n>', 'handler id of a route that the host does not describe', wholeNumber(1, maxId))
    .option('--subroute <text>', 'subroute of such a route');
}
