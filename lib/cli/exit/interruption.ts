import { exitCodes } from './exit-codes.js';

/** The abort reason of a command that received a signal. */
export class Interruption extends Error {
  readonly exitCode: number;
  readonly #signal: keyof typeof codes;

  constructor(signal: keyof typeof codes) {
    super(`interrupted by ${signal}`);
    this.exitCode = codes[signal];
    this.#signal = signal;
  }

  /** Ends the process as an unhandled signal does: `exit` would wait for threads that are blocked by a disk. */
  endAtOnce(): void {
    process.removeAllListeners(this.#signal);
    process.kill(process.pid, this.#signal);
  }
}

const codes = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
  SIGHUP: exitCodes.hangup,
} as const;

/**
 * Aborts the result at the first of SIGINT, SIGTERM and SIGHUP, so that the command can clean up. The second one ends the
 * process at once, as if it were not handled.
 */
export function abortOnSignals(): AbortSignal {
  const abort = new AbortController();
  for (const signal of Object.keys(codes) as (keyof typeof codes)[]) {
    process.on(signal, () => {
      const interruption = new Interruption(signal);
      if (abort.signal.aborted) interruption.endAtOnce();
      else abort.abort(interruption);
    });
  }
  return abort.signal;
}
