import { concatAll, type OperatorFunction } from 'rxjs';

/**
 * Takes apart what {@link chunk} put together: gives the items of each chunk in order. The credit of a chunk returns when
 * everybody is done with its items.
 *
 * @example
 * host2.stream(logs, {}).pipe(unchunk(), consume((line) => store(line))).subscribe();
 */
export function unchunk<C extends readonly unknown[]>(): OperatorFunction<C, C[number]> {
  return concatAll();
}
