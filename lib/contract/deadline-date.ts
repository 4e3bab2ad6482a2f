import type { Runtime } from '../runtime.js';

/**
 * The monotonic times of dates that interceptors of the library pass on. An interceptor behind them may wait, and the
 * wall clock may be set meanwhile: a date that was converted after that would move the deadline.
 */
const exact = new WeakMap<Date, number>();

/** The date of a monotonic time, for which {@link untilOf} returns that time whatever happens to the wall clock. */
export function dateOf(until: number, runtime: Runtime): Date {
  const date = new Date(runtime.wallNow() + until - runtime.now());
  exact.set(date, until);
  return date;
}

/** The monotonic time of a deadline. */
export function untilOf(deadline: Date, runtime: Runtime): number {
  return exact.get(deadline) ?? runtime.now() + deadline.getTime() - runtime.wallNow();
}
