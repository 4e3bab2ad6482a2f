import { aFunction, checkOptions, someText, whole } from '../../check.js';
import { GridAssertionError } from '../marbles/assertion.js';
import { inspect } from '../marbles/inspect.js';
import type { Checker, HistoryEntry } from './history.js';
import type { Model } from './model.js';
import { searchOrder, type OrderFound } from './search-order.js';

/** Options of {@link linearizable}. */
export interface LinearizableOptions {
  /** Name of the invariant. Default `the history is linearizable`. */
  readonly name?: string;
  /** States that the search visits, for each part of the history, before it gives up. Default 1 000 000. */
  readonly maxStates?: number;
}

const modelRules = {
  initial: aFunction('returns the state before the first operation'),
  step: aFunction('does one operation, and returns { state } or undefined'),
  part: aFunction('names the part of the state that an operation touches'),
  stateKey: aFunction('returns a text that is equal for equal states only'),
};
const optionRules = { name: someText, maxStates: whole(1) };

/** Lines of operations in a failure. */
const mostLines = 20;

/**
 * The operations gave what one object would have given that does them one at a time, each between its begin and its
 * end: the service behaves as though there were one copy of its data. Operations whose outcome is not known may have
 * taken effect or not.
 *
 * ```ts
 * await simulate({ …, invariants: [linearizable(register)] });
 * ```
 *
 * The search is the algorithm of Wing and Gong (1993) with the memory of Lowe (2017), and checks the parts of the model
 * apart, as in A. Horn and D. Kroening, "Faster linearizability checking via P-compositionality" (2015). Its time can
 * grow exponentially with the number of operations that overlap: give the model a `part`.
 *
 * @throws ConfigurationError for a model without `initial` or `step`, and for an invalid option.
 */
export function linearizable<Operation, Result, State>(
  model: Model<Operation, Result, State>,
  options: LinearizableOptions = {},
): Checker {
  checkOptions(model, modelRules, {
    of: 'linearizable: the model',
    required: ['initial', 'step'],
    mayHaveOthers: true,
  });
  checkOptions(options, optionRules, { of: 'linearizable' });
  const { name = 'the history is linearizable', maxStates = 1_000_000 } = options;
  return ({ history }) => ({
    name,
    end: () => {
      // The history of a simulation holds the operations of its workload, whose type only the user knows.
      const entries = history.entries as readonly HistoryEntry<Operation, Result>[];
      for (const [part, own] of partsOf(model, entries)) {
        const found = searchOrder(model, own, maxStates);
        if (found.kind !== 'found') throw failure(name, part, own, found, maxStates);
      }
    },
  });
}

function partsOf<Operation, Result, State>(
  model: Model<Operation, Result, State>,
  entries: readonly HistoryEntry<Operation, Result>[],
): Map<string, HistoryEntry<Operation, Result>[]> {
  const parts = new Map<string, HistoryEntry<Operation, Result>[]>();
  for (const entry of entries) {
    // It took no effect, and gave nothing that could be wrong.
    if (entry.outcome === 'fail') continue;
    const part = model.part?.(entry.operation) ?? '';
    const own = parts.get(part) ?? [];
    own.push(entry);
    parts.set(part, own);
  }
  return parts;
}

function failure<Operation, Result, State>(
  name: string,
  part: string,
  entries: readonly HistoryEntry<Operation, Result>[],
  found: Exclude<OrderFound<Operation, Result, State>, { kind: 'found' }>,
  maxStates: number,
): GridAssertionError {
  const of = part === '' ? '' : ` of ${part}`;
  if (found.kind === 'too long') {
    return new GridAssertionError(
      `${name}: not decided after ${maxStates} situations, with ${entries.length} operations${of}. ` +
        'Give the model a `part`, use fewer operations at once, or raise maxStates.',
      [],
      [],
    );
  }
  const { longest, state, stuck } = found;
  const lines = longest.slice(-mostLines).map(lineOf);
  if (lines.length < longest.length) lines.unshift(`… ${longest.length - lines.length} before`);
  return new GridAssertionError(
    [
      `${name}: no order of the ${entries.length} operations${of} explains what they gave.`,
      longest.length === 0 ? 'None can come first.' : 'The longest order that does:',
      ...lines.map((line) => `  ${line}`),
      `leads to the state ${inspect(state)}, and there cannot be:`,
      `  ${lineOf(stuck)}`,
    ].join('\n'),
    [],
    [],
  );
}

/** An operation as a line: when, what, and what it gave. */
function lineOf({ operation, beganAt, endedAt, outcome, result }: HistoryEntry): string {
  const end = endedAt === Infinity ? 'open' : `${Math.round(endedAt)} ms`;
  const gave = outcome === 'ok' ? inspect(result) : 'outcome not known';
  return `${Math.round(beganAt)} ms – ${end}  ${inspect(operation)} → ${gave}`;
}
