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

/** Resolves when the signal of a command is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });
}

/** The exit code of a command that runs until this signal is aborted. @throws OutputLost where that was the reason. */
export function exitCodeOf({ reason }: AbortSignal): number {
  if (reason instanceof Interruption) return reason.exitCode;
  if (reason !== undefined) throw reason;
  return exitCodes.done;
}

/**
 * Aborts at the first of SIGINT, SIGTERM and SIGHUP, so that the command can clean up. Once it is aborted, whatever the
 * reason, the next signal ends the process at once, as if it were not handled.
 */
export function abortOnSignals(abort: AbortController): void {
  for (const signal of Object.keys(codes) as (keyof typeof codes)[]) {
    process.on(signal, () => {
      const interruption = new Interruption(signal);
      if (abort.signal.aborted) interruption.endAtOnce();
      else abort.abort(interruption);
    });
  }
}
