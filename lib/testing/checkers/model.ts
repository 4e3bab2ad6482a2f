/**
 * A service as it would behave if it were one object that does one operation at a time. `State` must not be changed: a
 * step gives a new one.
 *
 * ```ts
 * // A register: `write` sets it, `read` gives what was written last.
 * const register: Model<RegisterOperation, number, number> = {
 *   initial: () => 0,
 *   step: (state, operation, outcome) => {
 *     if (operation.kind === 'write') return { state: operation.value };
 *     return outcome === undefined || outcome.result === state ? { state } : undefined;
 *   },
 * };
 * ```
 */
export interface Model<Operation, Result, State> {
  /** The state before the first operation. */
  initial(): State;
  /**
   * Does one operation. `outcome`: what it gave; undefined where that is not known, because its answer was lost. Gives
   * the next state, or undefined where the operation cannot have given that in this state.
   */
  step(
    state: State,
    operation: Operation,
    outcome: { readonly result: Result } | undefined,
  ): { readonly state: State } | undefined;
  /**
   * The part of the state that an operation touches, such as its key: operations of different parts are checked apart,
   * which is much faster. Default: all touch the same.
   */
  part?(operation: Operation): string;
  /** A text that is equal for equal states only. Default: for plain data, Maps and Sets. */
  stateKey?(state: State): string;
}

/** A text for a state that is plain data, a Map or a Set. */
export function defaultStateKey(state: unknown): string {
  return JSON.stringify(state, (_, value: unknown) => {
    if (value instanceof Map)
      return { map: [...value].map(([key, each]) => [defaultStateKey(key), each] as const).sort(byKey) };
    if (value instanceof Set) return { set: [...value].map(defaultStateKey).sort() };
    if (typeof value === 'bigint' || typeof value === 'undefined') return { [typeof value]: String(value) };
    if (typeof value === 'number' && !Number.isFinite(value)) return { number: String(value) };
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return Object.fromEntries(Object.entries(value).sort(byKey));
    }
    return value;
  });
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
