import { checkOptions, someText, timerMs, type Rule } from '../../check.js';
import type { DrainOptions, DrainResult } from '../../endpoint/drain.js';
import type { Manager } from '../../endpoint/manager.js';
import { reportUnhandled } from '../../flow/unhandled.js';
import { exitGrace, onClosedTimeout } from '../../bounds.js';

/** Options of {@link closeOnSignals}. */
export interface CloseOnSignalsOptions extends DrainOptions {
  /** Default SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[];
  /**
   * Called when the manager is closed, before the process ends: for what the program closes itself. The process waits
   * for its Promise, 5 s at the most, and not after another signal; then it ends with code 1.
   */
  readonly onClosed?: (result: DrainResult) => void | Promise<void>;
}

const rules: Readonly<Record<keyof CloseOnSignalsOptions, Rule>> = {
  timeout: timerMs,
  reason: someText,
  signals: { expected: "a list of signals, such as ['SIGTERM']", accepts: (value) => Array.isArray(value) },
  onClosed: { expected: 'a function', accepts: (value) => typeof value === 'function' },
};

/**
 * Drains a manager when the process is asked to end, and ends the process then, with code 0, or 1 where something
 * failed to close. A second signal closes at once. Stay below the time after which the process would be killed:
 * Kubernetes and systemd give it 30 s and 90 s by default, the drain takes at most 20 s.
 *
 * The result stops listening for signals.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 *
 * @example
 * await grid.listen();
 * closeOnSignals(grid);
 */
export function closeOnSignals(manager: Manager, options: CloseOnSignalsOptions = {}): () => void {
  checkOptions(options, rules, { of: 'closeOnSignals' });
  const { signals = ['SIGTERM', 'SIGINT'], onClosed, timeout, reason } = options;
  let received = 0;
  let giveUp = (): void => undefined;
  const stop = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    received++;
    if (received > 1) {
      // The drain ends with it.
      manager.close().catch(reportUnhandled);
      giveUp();
      return;
    }
    const drain = { reason: reason ?? `it was sent ${signal}`, ...(timeout === undefined ? {} : { timeout }) };
    manager
      .drain(drain)
      .then((result) =>
        ended(
          async () => onClosed?.(result),
          (now) => (giveUp = now),
        ),
      )
      .then(
        () => {
          exit(0);
        },
        (error: unknown) => {
          reportUnhandled(error);
          exit(1);
        },
      );
  };
  const exit = (code: number): void => {
    stop();
    process.exitCode = code;
    // The process ends by itself when nothing is left to do, such as the removal from etcd; otherwise soon all the
    // same.
    setTimeout(() => process.exit(), exitGrace).unref();
  };
  for (const signal of signals) process.on(signal, onSignal);
  return stop;
}

/** Runs `work`, and rejects where it has not ended in time, or when the function is called that `onGiveUp` gets. */
async function ended(work: () => Promise<void>, onGiveUp: (giveUp: () => void) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    const giveUp = (): void => {
      reject(new Error('closeOnSignals: the process ends, although its onClosed has not ended.'));
    };
    // Not unreferenced: a process that has nothing else to do would end with code 0.
    timer = setTimeout(giveUp, onClosedTimeout);
    onGiveUp(giveUp);
  });
  try {
    await Promise.race([work(), givenUp]);
  } finally {
    clearTimeout(timer);
  }
}
