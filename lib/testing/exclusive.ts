// The timers of the platform are there once: whoever puts virtual ones in their place does it alone.
let previous: Promise<unknown> = Promise.resolve();

/** Runs `task` when those that were given before have ended. One within another one would wait for ever. */
export function exclusively<T>(task: () => Promise<T>): Promise<T> {
  const run = previous.then(task);
  previous = run.catch(() => undefined);
  return run;
}
