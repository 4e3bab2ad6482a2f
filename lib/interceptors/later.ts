import { Observable } from 'rxjs';
import type { Runtime } from '../runtime.js';

/** An Observable that fails on a macrotask: a failure within `subscribe` makes retry() overflow the stack. */
export function failLater(runtime: Runtime, makeError: () => unknown): Observable<never> {
  return new Observable((subscriber) =>
    runtime.schedule(() => {
      subscriber.error(makeError());
    }, 0),
  );
}

/** An Observable that emits once, after so many ms. */
export function after(runtime: Runtime, ms: number): Observable<void> {
  return new Observable((subscriber) =>
    runtime.schedule(() => {
      subscriber.next();
      subscriber.complete();
    }, ms),
  );
}
