/**
 * The clocks, the randomness and the event loop, which are passed in. So a test can run the library on virtual time,
 * and a run with the same seed is the same run.
 */
export interface Runtime {
  /**
   * The monotonic clock, in milliseconds from an arbitrary zero, with a fraction where the platform has it. Use it for
   * everything that measures or waits: timers, deadlines, windows, pings. It never goes backwards and never jumps. It
   * may stand still while the machine sleeps.
   */
  now(): number;
  /**
   * The wall clock, in milliseconds since the Unix epoch. Use it for what leaves the process as a date, or comes from a
   * user as one: handshakes, tokens, `Date` options, `since`. It may jump in both directions when it is corrected, and
   * after a sleep.
   */
  wallNow(): number;
  /** A number in [0, 1). */
  random(): number;
  /** Runs `task` soon, after the code that runs now, before any timer. */
  defer(task: () => void): void;
  /** Runs `task` after `ms` milliseconds; the result cancels it. A delay of 0 is a macrotask. */
  schedule(task: () => void, ms: number): () => void;
  /**
   * Runs `task` when the event loop has turned: what the sockets have received by then has been read. The result
   * cancels it. Default: a delay of 0, for which Node waits 1 ms.
   */
  readonly nextTurn?: ((task: () => void) => () => void) | undefined;
  /**
   * Only the runtime of a simulation has it. Records that rare code ran: `runtime.sometimes?.('window shrank')`. A
   * simulation that never reaches a mark does not test what stands there.
   */
  readonly sometimes?: (mark: string) => void;
  /**
   * Only the runtime of a simulation has it. True where a rare branch is to be taken although nothing calls for it,
   * such as a message that is sent before it is full. Whatever it returns, the protocol must hold.
   */
  readonly buggify?: (point: string) => boolean;
}

/** The part of a runtime that only simulations have: marks, and rare branches taken at random. */
export type Marks = Pick<Runtime, 'sometimes' | 'buggify'>;

interface Immediates {
  readonly setImmediate?: (task: () => void) => unknown;
  readonly clearImmediate?: (immediate: unknown) => void;
}

// Node's own queue runs after all callbacks of Promises that are due, so what they send leaves together. Measured, it
// also costs less: 0.2 µs, where queueMicrotask costs 1.4.
const { process } = globalThis as { process?: { nextTick?: (task: () => void) => void } };

/** The clocks, the randomness and the event loop of the platform. */
export const systemRuntime: Runtime = {
  // Read from the globals at each call: the testing kit may put virtual clocks in their place.
  now: () => performance.now(),
  wallNow: () => Date.now(),
  random: Math.random,
  // Not queueMicrotask itself: a browser refuses it as a method of another object.
  defer: process?.nextTick ?? ((task) => queueMicrotask(task)),
  schedule(task, ms) {
    const timer = setTimeout(task, ms);
    return () => {
      clearTimeout(timer);
    };
  },
  nextTurn(task) {
    const { setImmediate, clearImmediate } = globalThis as Immediates;
    if (setImmediate === undefined) return systemRuntime.schedule(task, 0);
    const immediate = setImmediate(task);
    return () => clearImmediate?.(immediate);
  },
};
