import { aFunction, checkOptions } from '../../check.js';
import { GridAssertionError } from '../marbles/assertion.js';
import { inspect } from '../marbles/inspect.js';
import type { Checker, HistoryEntry } from './history.js';

/** Options of {@link monotonicReads}. */
export interface MonotonicReadsOptions<Operation, Result> {
  /** The reader, such as the host that makes the call. */
  readonly session: (operation: Operation) => string;
  /** What is read, such as a key. Default: all reads are of the same. */
  readonly of?: (operation: Operation) => string;
  /** How new the value is that an operation has read, as a number that grows; undefined where it read none. */
  readonly version: (result: Result, operation: Operation) => number | undefined;
}

const rules = {
  session: aFunction('names the reader'),
  of: aFunction('names what is read'),
  version: aFunction('returns how new the value is that was read'),
};

/**
 * A reader that has read a value never reads an older one later. Reads that overlap may have come in any order.
 *
 * @throws ConfigurationError for an unknown, missing or invalid option.
 */
export function monotonicReads<Operation, Result>(options: MonotonicReadsOptions<Operation, Result>): Checker {
  checkOptions(options, rules, { of: 'monotonicReads', required: ['session', 'version'] });
  const { session, of = () => '', version } = options;
  return ({ history }) => ({
    name: 'reads are monotonic',
    end: () => {
      const reads = new Map<string, { readonly entry: HistoryEntry<Operation, Result>; readonly version: number }[]>();
      for (const entry of history.entries as readonly HistoryEntry<Operation, Result>[]) {
        const read = entry.outcome === 'ok' ? version(entry.result!, entry.operation) : undefined;
        if (read === undefined) continue;
        const key = JSON.stringify([session(entry.operation), of(entry.operation)]);
        const before = reads.get(key) ?? [];
        const newer = before.find((each) => each.entry.ended < entry.began && each.version > read);
        if (newer !== undefined) throw failure(newer.entry, newer.version, entry, read);
        before.push({ entry, version: read });
        reads.set(key, before);
      }
    },
  });
}

function failure(first: HistoryEntry, newer: number, second: HistoryEntry, older: number): GridAssertionError {
  const text = ({ operation, beganAt }: HistoryEntry): string => `${inspect(operation)} at ${Math.round(beganAt)} ms`;
  return new GridAssertionError(
    `${text(first)} read version ${newer}, and then ${text(second)} read version ${older}`,
    [String(older)],
    [String(newer)],
  );
}
