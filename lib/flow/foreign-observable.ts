/**
 * Recognizes Observables that `isObservable` of rxjs refuses: those of another major version of rxjs, and those of
 * other libraries. To the user, they look like Observables, so the error must say what is wrong.
 */

import { isObservable } from 'rxjs';

const twoCopies =
  'It is an Observable, but of another copy of rxjs: two copies of rxjs are loaded. `npm ls rxjs` lists them; `npm dedupe`, or one version of rxjs under "overrides" in package.json, leaves one.';
const otherLibrary =
  'It has subscribe() and is no Observable of rxjs: convert it with from(…) of rxjs, which is also what helps where it is of a second copy of rxjs.';

/**
 * A sentence, with a leading space, for the error that refuses `value` where an Observable is expected. Empty for a
 * value that does not look like an Observable. Never throws.
 */
export function foreignObservableHint(value: unknown): string {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return '';
  try {
    if (isObservable(value)) return '';
    const { subscribe, pipe } = value as { readonly subscribe?: unknown; readonly pipe?: unknown };
    if (typeof subscribe !== 'function') return '';
    return ` ${typeof pipe === 'function' ? twoCopies : otherLibrary}`;
  } catch {
    // Its getters throw, or it is a Proxy.
    return '';
  }
}
