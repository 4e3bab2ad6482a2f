interface StackHolder {
  stack?: string;
}

/**
 * Remembers where a test calls the kit: the frames of the stack above `callee`, which is what the test calls. They are
 * made into text when the result is called, which is rarely.
 */
export function callSite(callee?: (...args: never[]) => unknown): () => readonly string[] {
  const holder: StackHolder = {};
  const { captureStackTrace } = Error as { captureStackTrace?: (holder: StackHolder, callee: unknown) => void };
  // Only V8 can leave frames out; elsewhere those of the kit stay.
  if (captureStackTrace === undefined) holder.stack = new Error().stack ?? '';
  else captureStackTrace(holder, callee);
  return () => (holder.stack ?? '').split('\n').filter((line) => /^\s+at |@/.test(line));
}

/** The file and the line of a frame: `stock.spec.ts:12:5` of `at Object.<anonymous> (/home/me/stock.spec.ts:12:5)`. */
export function placeOf(frame: string): string {
  return /([^/\\(@ ]+:\d+:\d+)\)?\s*$/.exec(frame)?.[1] ?? frame.trim();
}
