import type { Report, Step } from './report.js';

/** An async iterable that several consumers share: each item goes to one of them. Consumers that stop do not end it. */
export function shared<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) };
}

/** Runs `work` so many times at once. The first failure stops the others, through the signal, and is the error. */
export async function parallel(
  count: number,
  signal: AbortSignal,
  work: (index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const abort = new AbortController();
  const interrupt = (): void => {
    abort.abort(signal.reason);
  };
  if (signal.aborted) interrupt();
  signal.addEventListener('abort', interrupt);
  try {
    const runs = Array.from({ length: count }, (_, index) => work(index, abort.signal));
    for (const run of runs) {
      run.catch((error: unknown) => {
        abort.abort(error);
      });
    }
    await Promise.allSettled(runs);
    if (abort.signal.aborted) throw abort.signal.reason;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** The sum of the progress of several streams. */
export class Steps {
  readonly #report: Pick<Report, 'step'>;
  readonly #steps: Step[] = [];

  constructor(report: Pick<Report, 'step'>) {
    this.#report = report;
  }

  /** The stream with this index has progressed. */
  set(index: number, step: Step): void {
    this.#steps[index] = step;
    let [files, bytes, rate] = [0, 0, 0];
    this.#steps.forEach((one) => {
      files += one.files;
      bytes += one.bytes;
      rate += one.rate;
    });
    this.#report.step({ files, bytes, rate, mode: step.mode });
  }
}
