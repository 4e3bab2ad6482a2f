import type { Runtime } from '../../runtime.js';

/** How late, in ms, a timer is where the process was held up: what has arrived meanwhile has not been read. */
const heldUpAfter = 50;
/** How late a timer is where it may have been, for the first time only: a busy process is always that late. */
const lateAfter = 1;
/** Time, in ms, in which such a process reads that. */
export const readingTime = 500;

/**
 * Calls `task` in `ms`. A process that was held up past that time, however shortly, reads first what has arrived
 * meanwhile, for 500 ms, and so again if it was held up for long in these. The result cancels.
 */
export function timerAfterReading(runtime: Runtime, task: () => void, ms: number): () => void {
  let cancel = (): void => undefined;
  const wait = (time: number, tolerance: number): void => {
    const due = runtime.now() + time;
    cancel = runtime.schedule(() => {
      if (runtime.now() - due > tolerance) wait(readingTime, heldUpAfter);
      else task();
    }, time);
  };
  wait(ms, lateAfter);
  return () => {
    cancel();
  };
}
