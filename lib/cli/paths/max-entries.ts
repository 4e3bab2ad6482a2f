import { InvalidArgumentError, type Command } from 'commander';
import { maxListingEntries } from '../../limits.js';

/** Gives a command the option that bounds the listings of the host. */
export function describeMaxEntries(command: Command): Command {
  return command.option('--max-entries <n>', 'entries of a listing of the host, at most', toEntries, maxListingEntries);
}

function toEntries(text: string): number {
  const entries = Number(text);
  if (/^\d+$/.test(text) && entries >= 1 && entries < Number.MAX_SAFE_INTEGER) return entries;
  throw new InvalidArgumentError('Give a whole number, 1 or more.');
}
