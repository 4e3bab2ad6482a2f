/**
 * Observables that `isObservable` of rxjs refuses: those of a copy of rxjs of another major version, and those of other
 * libraries. Who passes one sees an Observable, so the error has to say what is wrong with it.
 */

import { isObservable } from 'rxjs';

const twoCopies =
  'It is an Observable, but of another copy of rxjs: two copies of rxjs are loaded. `npm ls rxjs` lists them; `npm dedupe`, or one version of rxjs under "overrides" in package.json, leaves one.';
const otherLibrary =
  'It has subscribe() and is no Observable of rxjs: convert it with from(…) of rxjs, which is also what helps where it is of a second copy of rxjs.';

/**
 * A sentence for the error that refuses `value` where an Observable would be taken: it begins with a space. Empty for what
 * looks like no Observable at all. It never throws.
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
