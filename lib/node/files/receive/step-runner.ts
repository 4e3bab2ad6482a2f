import type { StepDone } from '../disk/unfinished-file.js';

/** An asynchronous step. It may end within the call. */
export type Step = (done: StepDone) => void;

/** Runs the asynchronous steps of one job, one at a time. */
export class StepRunner {
  readonly #ended: (error: unknown) => boolean;
  #busy = false;

  /** `ended` is called after each step with its error, if any; false: the steps that follow are not run. */
  constructor(ended: (error: unknown) => boolean) {
    this.#ended = ended;
  }

  /** True while a step runs. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Runs the steps in order, and then `next`. */
  run([step, ...rest]: readonly Step[], next: () => void): void {
    if (step === undefined) {
      next();
      return;
    }
    this.#busy = true;
    step((error) => {
      this.#busy = false;
      if (this.#ended(error ?? undefined)) this.run(rest, next);
    });
  }
}
