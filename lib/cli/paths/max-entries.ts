import type { Command } from 'commander';
import { maxListingEntries } from '../../limits.js';
import { wholeNumber } from '../output/output.js';

/** Gives a command the option that bounds the listings of the host. */
export function describeMaxEntries(command: Command): Command {
  return command.option(
    '--max-entries <n>',
    'entries of a listing of the host, at most',
    wholeNumber(1),
    maxListingEntries,
  );
}
