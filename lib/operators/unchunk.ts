import { concatAll, type OperatorFunction } from 'rxjs';

/**
 * Reverses {@link chunk}: emits the items of each chunk in order. The credit of a chunk returns when all its items have been
 * released.
 *
 * @example
 * host2.stream(logs, {}).pipe(unchunk(), consume((line) => store(line))).subscribe();
 */
export function unchunk<C extends readonly unknown[]>(): OperatorFunction<C, C[number]> {
  return concatAll();
}
