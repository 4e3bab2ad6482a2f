type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles where `value` has exactly the type `T`: `expectType<T>()(value)`. Does nothing. */
export const expectType =
  <T>() =>
  <V>(_value: V, ..._same: Same<V, T> extends true ? [] : ['another type']): void =>
    undefined;
