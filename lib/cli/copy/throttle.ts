import type { ReceiveLimit } from '../../node/files/receive/reception.js';
import type { Runtime } from '../../runtime.js';

/**
 * Bytes may be moved ahead of the rate for this time, in ms: without it, each pause of the event loop would slow the
 * copy down.
 */
const burstMs = 250;

/**
 * Limits the bytes per second of all streams of a copy together. Bytes are counted when they have been moved; the next
 * ones wait until the average is not above the rate.
 */
export class Throttle implements ReceiveLimit {
  readonly #bytesPerMs: number;
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>;
  readonly #waiting = new Set<() => void>();
  /** The time until which the moved bytes last, at the rate. */
  #paidUntil: number;
  #cancel: (() => void) | undefined = undefined;

  constructor(bytesPerSecond: number, runtime: Pick<Runtime, 'now' | 'schedule'>) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#runtime = runtime;
    this.#paidUntil = runtime.now();
  }

  taken(bytes: number): void {
    this.#paidUntil = Math.max(this.#paidUntil, this.#runtime.now() - burstMs) + bytes / this.#bytesPerMs;
  }

  ready(): boolean {
    const wait = this.#paidUntil - this.#runtime.now();
    if (wait <= 0) return true;
    this.#cancel ??= this.#runtime.schedule(this.#wake, Math.ceil(wait));
    return false;
  }

  watch(resume: () => void): () => void {
    this.#waiting.add(resume);
    return () => {
      this.#waiting.delete(resume);
      if (this.#waiting.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  /** Resolves when further bytes may be moved, or when the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.ready()) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          stop();
          signal.removeEventListener('abort', go);
          resolve();
        };
        const stop = this.watch(go);
        signal.addEventListener('abort', go);
        // The last `watch` that stopped may have cancelled the timer.
        if (this.ready()) go();
      });
    }
  }

  readonly #wake = (): void => {
    this.#cancel = undefined;
    for (const resume of [...this.#waiting]) resume();
  };
}
