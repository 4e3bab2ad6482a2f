import { Observable, ReplaySubject, share } from 'rxjs';
import { isolated } from '../flow/unhandled.js';
import { figuresInterval } from '../bounds.js';
import type { Runtime } from '../runtime.js';

/** Makes figures again and again. */
export interface Sampler<T> {
  sample(): T;
  /** Called when the last observer has left. */
  stop?(): void;
}

/**
 * Returns an Observable of figures: at once, and then every second. All subscribers share one sampler, which `begin` makes
 * for the first of them and which stops with the last, so figures without observers cost nothing. Completes with `closed$`.
 */
export function sampled<T>(runtime: Runtime, closed$: Observable<never>, begin: () => Sampler<T>): Observable<T> {
  const source = new Observable<T>((subscriber) => {
    const sampler = begin();
    let cancel = (): void => undefined;
    const tick = (): void => {
      cancel = runtime.schedule(tick, figuresInterval);
      subscriber.next(sampler.sample());
    };
    tick();
    const closed = closed$.subscribe({
      complete: () => {
        subscriber.complete();
      },
    });
    return () => {
      cancel();
      closed.unsubscribe();
      sampler.stop?.();
    };
  });
  return isolated(source.pipe(share({ connector: () => new ReplaySubject<T>(1) })));
}
