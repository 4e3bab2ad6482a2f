import type { Runtime } from '../runtime.js';

/** In so many parts is the time counted. */
const parts = 4;

/**
 * Runs `task` after `ms` milliseconds in which the event loop turned; the result cancels it. A loop that was held up runs
 * its timers before it reads what has come meanwhile. So the time is counted in parts, each of which begins when the
 * one before was noticed: however long the loop stood still, it was one part, and what came had its turns to be read.
 */
export function stallTolerantTimer(runtime: Runtime, task: () => void, ms: number): () => void {
  let left = parts;
  const part = (): void => {
    if (--left === 0) task();
    else cancel = runtime.schedule(part, ms / parts);
  };
  let cancel = runtime.schedule(part, ms / parts);
  return () => {
    cancel();
  };
}
