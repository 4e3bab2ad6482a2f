import type { Runtime } from '../../runtime.js';

/** Number of parts into which the time is divided. */
const parts = 4;

/**
 * Runs `task` after `ms` milliseconds during which the event loop turned; the returned function cancels it. A loop that
 * was blocked runs its timers before it reads messages that arrived meanwhile, so a plain timer would fire although the
 * awaited message is there. The time is therefore divided into parts, each of which starts when the previous one has
 * fired: a stall, however long, uses up one part, and the loop turns several times before the task runs.
 */
export function stallTolerantTimer(runtime: Runtime, task: () => void, ms: number): () => void {
  let remaining = parts;
  const part = (): void => {
    if (--remaining === 0) task();
    else cancel = runtime.schedule(part, ms / parts);
  };
  let cancel = runtime.schedule(part, ms / parts);
  return () => {
    cancel();
  };
}
