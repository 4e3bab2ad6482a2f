/**
 * The search for an order of operations that explains their results. J. M. Wing and C. Gong, "Testing and verifying
 * concurrent objects", 1993, in the form of G. Lowe, "Testing for linearizability", 2017, which remembers what it has
 * tried: a set of operations done, and the state that they led to, is tried once.
 *
 *     events of the history, in order:   begin₁ ▸ begin₂ ▸ end₁ ▸ begin₃ ▸ end₃ ▸ end₂
 *
 *     at a begin:  do the operation, if the model allows its result; take its two events out; start again at the front
 *     at an end:   its operation must come before, and did not: undo the last one that was done, and go on behind it
 */

import { ConfigurationError } from '../../errors.js';
import type { HistoryEntry } from './history.js';
import { defaultStateKey, type Model } from './model.js';

/** One event of the history, in a doubly linked list. */
interface Event<Operation, Result> {
  readonly entry: HistoryEntry<Operation, Result>;
  /** Of the operation, as a bit. */
  readonly bit: bigint;
  /** The end of the operation; undefined where this is one. */
  end: Event<Operation, Result> | undefined;
  before: Event<Operation, Result> | undefined;
  after: Event<Operation, Result> | undefined;
}

/** What a search found. */
export type OrderFound<Operation, Result, State> =
  | { readonly kind: 'found' }
  | { readonly kind: 'too long' }
  | {
      readonly kind: 'none';
      /** The longest order that explains its results, and the state that it leads to. */
      readonly longest: readonly HistoryEntry<Operation, Result>[];
      readonly state: State;
      /** The operation that has ended by then, and can come nowhere. */
      readonly stuck: HistoryEntry<Operation, Result>;
    };

/** Steps of a search that are checked for a model that changes its state. A model that does, does so soon. */
const checkedSteps = 100;

/**
 * Searches an order of `entries`. Gives up after `maxStates` different situations.
 *
 * @throws ConfigurationError for a model that gives no state, or changes the one that it was given.
 */
export function searchOrder<Operation, Result, State>(
  model: Model<Operation, Result, State>,
  entries: readonly HistoryEntry<Operation, Result>[],
  maxStates: number,
): OrderFound<Operation, Result, State> {
  const head = eventsOf(entries);
  const keyOf = model.stateKey?.bind(model) ?? defaultStateKey;
  const tried = new Set<string>();
  const done: { readonly event: Event<Operation, Result>; readonly state: State }[] = [];
  let doneBits = 0n;
  let state = model.initial();
  let best: Extract<OrderFound<Operation, Result, State>, { kind: 'none' }> | undefined;
  let steps = 0;
  let event = head.after;
  while (event !== undefined) {
    const { entry, end, bit } = event;
    if (end !== undefined) {
      const before = steps++ < checkedSteps ? keyOf(state) : undefined;
      const next = model.step(state, entry.operation, entry.outcome === 'ok' ? { result: entry.result! } : undefined);
      checkStep(next, before === undefined || before === keyOf(state));
      const situation = next === undefined ? '' : `${(doneBits | bit).toString(36)} ${keyOf(next.state)}`;
      if (next === undefined || tried.has(situation)) {
        event = event.after;
        continue;
      }
      if (tried.size >= maxStates) return { kind: 'too long' };
      tried.add(situation);
      done.push({ event, state });
      state = next.state;
      doneBits |= bit;
      takeOut(event);
      event = head.after;
      continue;
    }
    // Behind here are the ends of operations that may never have taken effect: all others are explained.
    if (entry.outcome !== 'ok') return { kind: 'found' };
    if (best === undefined || done.length > best.longest.length) {
      best = { kind: 'none', longest: done.map((each) => each.event.entry), state, stuck: entry };
    }
    const last = done.pop();
    if (last === undefined) return best;
    putBack(last.event);
    state = last.state;
    doneBits &= ~last.event.bit;
    event = last.event.after;
  }
  return { kind: 'found' };
}

// Either fault would make the search accept whatever happened.
function checkStep(next: unknown, isUnchanged: boolean): void {
  if (!isUnchanged) {
    throw new ConfigurationError(
      'linearizable: `step` of the model changed the state that it was given. Return a new one, such as [...list, item].',
    );
  }
  if (next === undefined || (typeof next === 'object' && next !== null && 'state' in next)) return;
  throw new ConfigurationError(
    'linearizable: `step` of the model must return { state }, or undefined where the operation cannot have given that.',
  );
}

// What is open or unknown ends behind everything else.
function eventsOf<Operation, Result>(entries: readonly HistoryEntry<Operation, Result>[]): Event<Operation, Result> {
  const placed = entries.flatMap((entry, index) => {
    const bit = 1n << BigInt(index);
    const end: Event<Operation, Result> = { entry, bit, end: undefined, before: undefined, after: undefined };
    const begin: Event<Operation, Result> = { entry, bit, end, before: undefined, after: undefined };
    return [
      { at: entry.began, event: begin },
      { at: entry.outcome === 'ok' ? entry.ended : Infinity, event: end },
    ];
  });
  placed.sort((left, right) => (left.at === right.at ? 0 : left.at - right.at));
  const head: Event<Operation, Result> = {
    ...({ bit: 0n, end: undefined, before: undefined, after: undefined } as const),
    entry: entries[0]!,
  };
  let last = head;
  for (const { event } of placed) {
    last.after = event;
    event.before = last;
    last = event;
  }
  return head;
}

function takeOut<Operation, Result>(event: Event<Operation, Result>): void {
  for (const each of [event, event.end!]) {
    each.before!.after = each.after;
    if (each.after !== undefined) each.after.before = each.before;
  }
}

// In the opposite order of takeOut: the neighbours that an event remembers are right only then.
function putBack<Operation, Result>(event: Event<Operation, Result>): void {
  for (const each of [event.end!, event]) {
    each.before!.after = each;
    if (each.after !== undefined) each.after.before = each;
  }
}
