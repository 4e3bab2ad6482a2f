import type { SchedulerLike } from 'rxjs';
import type { Runtime } from '../../runtime.js';
import { SeededRandom } from '../seeded-random.js';

/** Options of {@link schedulerRuntime}. */
export interface SchedulerRuntimeOptions {
  /** Of everything random. Default 1. */
  readonly seed?: number;
  /** What frame 0 is by the wall clock, in ms since the Unix epoch. Default 2027-01-01. */
  readonly start?: number;
  /**
   * Timers that are due after this frame are not set. Default 60 000. Without an end, `TestScheduler.run` would never
   * return: it goes on until no timer is left, and a connection pings for ever.
   */
  readonly until?: number;
}

/**
 * A {@link Runtime} on rxjs' TestScheduler, so that synchronous flows run inside `TestScheduler.run` as you know it.
 * Handlers that give Promises or async generators do not run there: use `gridTest`.
 *
 * ```ts
 * const link = new GridLink({ runtime: schedulerRuntime(testScheduler), latency: 2 });
 * link.b.handle(double, (number) => of(2 * number));
 * await link.opened;
 * testScheduler.run(({ expectObservable }) => {
 *   expectObservable(link.a.request(double, 4)).toBe('----(r|)', { r: 8 });
 * });
 * ```
 */
export function schedulerRuntime(
  scheduler: SchedulerLike,
  { seed = 1, start = Date.UTC(2027, 0, 1), until = 60_000 }: SchedulerRuntimeOptions = {},
): Runtime {
  const random = new SeededRandom(seed);
  const schedule = (task: () => void, ms: number): (() => void) => {
    if (scheduler.now() + ms > until) return () => undefined;
    const subscription = scheduler.schedule(task, ms);
    return () => {
      subscription.unsubscribe();
    };
  };
  return {
    now: () => scheduler.now(),
    wallNow: () => start + scheduler.now(),
    random: () => random.next(),
    defer: (task) => {
      schedule(task, 0);
    },
    schedule,
  };
}
