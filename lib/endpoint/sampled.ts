import { ignoreElements, Observable, ReplaySubject, share } from 'rxjs';
import type { Lifetime } from '../contract/handler.js';
import { isolated } from '../flow/unhandled.js';
import { figuresInterval } from '../bounds.js';
import type { Runtime } from '../runtime.js';
import type { Endpoint } from './endpoint.js';

/** The lifetime of a manager, with the clock of its figures. */
export interface ManagerLifetime extends Lifetime {
  /**
   * Emits every second while it is observed. All figures share it: what one reader gets of them in a second leaves in
   * one message.
   */
  readonly seconds$: Observable<void>;
}

/** The lifetime of the manager that has this endpoint. */
export function lifetimeOf({ runtime, events$ }: Endpoint): ManagerLifetime {
  return { runtime, closed$: events$.pipe(ignoreElements()), seconds$: everySecond(runtime).pipe(share()) };
}

function everySecond(runtime: Runtime): Observable<void> {
  return new Observable<void>((subscriber) => {
    const tick = (): void => {
      cancel = runtime.schedule(tick, figuresInterval);
      subscriber.next();
    };
    let cancel = runtime.schedule(tick, figuresInterval);
    return () => {
      cancel();
    };
  });
}

/** Makes figures again and again. */
export interface Sampler<T> {
  sample(): T;
  /** Called when the last observer has left. */
  stop?(): void;
}

/**
 * Returns an Observable of figures: at once, and then every second. All subscribers share one sampler, which `begin`
 * makes for the first of them and which stops with the last, so figures without observers cost nothing. Completes with
 * `closed$`.
 */
export function sampled<T>({ runtime, closed$, seconds$ }: ManagerLifetime, begin: () => Sampler<T>): Observable<T> {
  const source = new Observable<T>((subscriber) => {
    const sampler = begin();
    const began = runtime.now();
    subscriber.next(sampler.sample());
    const seconds = seconds$.subscribe(() => {
      // The second of the other figures may end right now, and rates of so short a time say nothing.
      if (runtime.now() - began >= figuresInterval / 2) subscriber.next(sampler.sample());
    });
    const closed = closed$.subscribe({
      complete: () => {
        subscriber.complete();
      },
    });
    return () => {
      seconds.unsubscribe();
      closed.unsubscribe();
      sampler.stop?.();
    };
  });
  return isolated(source.pipe(share({ connector: () => new ReplaySubject<T>(1) })));
}
