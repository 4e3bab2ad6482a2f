/*
 * The real event loop, taken when this module loads: a test may have put virtual timers in the place of the globals.
 */

const {
  setTimeout: setReal,
  clearTimeout: clearReal,
  setInterval: setRealInterval,
  clearInterval: clearRealInterval,
} = globalThis;
const { performance: realPerformance } = globalThis;
const immediate = (globalThis as { setImmediate?: (task: () => void) => unknown }).setImmediate;

const macrotask = immediate ?? messageMacrotask();

/**
 * Resolves in a macrotask: every promise that could settle has settled, and its handlers have run. Costs about 3 µs.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    macrotask(resolve);
  });
}

/** Milliseconds by the real clock. */
export function realNow(): number {
  return realPerformance.now();
}

/** Runs `task` after `ms` by the real clock; the result cancels it. It does not keep the process alive. */
export function realTimeout(task: () => void, ms: number): () => void {
  const timer = setReal(task, ms);
  unref(timer);
  return () => {
    clearReal(timer);
  };
}

/** Runs `task` every `ms` by the real clock; the result stops it. It does not keep the process alive. */
export function realInterval(task: () => void, ms: number): () => void {
  const timer = setRealInterval(task, ms);
  unref(timer);
  return () => {
    clearRealInterval(timer);
  };
}

// In a browser a timer is a number.
function unref(timer: { unref?: () => unknown } | number): void {
  if (typeof timer === 'object') timer.unref?.();
}

/** Waits by the real clock. */
export function realDelay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setReal(resolve, ms);
  });
}

/** Waits for `work`, but no longer than `ms` by the real clock. @throws what `late` makes. */
export async function withPatience(work: Promise<unknown>, ms: number, late: () => Error): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<never>((_, reject) => {
    timer = setReal(() => {
      reject(late());
    }, ms);
  });
  try {
    await Promise.race([work, patience]);
  } finally {
    clearReal(timer);
  }
}

/** A microtask of the platform. */
export const microtask: (task: () => void) => void = globalThis.queueMicrotask.bind(globalThis);

// A browser has no setImmediate, and its setTimeout waits 4 ms: a message to oneself does not.
function messageMacrotask(): (task: () => void) => void {
  const waiting: (() => void)[] = [];
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => waiting.shift()?.();
  return (task) => {
    waiting.push(task);
    port2.postMessage(null);
  };
}
