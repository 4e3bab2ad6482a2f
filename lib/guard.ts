/** Takes what user code threw where nobody waits for it: reports it, and never throws itself. */
export type OnThrown = (error: unknown) => void;

/**
 * Runs `task`, which calls user code. What it throws goes to `onThrown`, and the caller goes on: so a finalizer, an
 * iterator or an observer that throws ends neither the loop that called it nor the clean-up that is left to do.
 *
 * Every loop over frames, muxes, timers, peers and calls runs each step in one of these. Where the step is on a hot path,
 * hand over a function made once and its argument: nothing is allocated then.
 */
export function guarded(onThrown: OnThrown, task: () => void): void;
export function guarded<A>(onThrown: OnThrown, task: (argument: A) => void, argument: A): void;
export function guarded<A>(onThrown: OnThrown, task: (argument?: A) => void, argument?: A): void {
  try {
    task(argument);
  } catch (error) {
    onThrown(error);
  }
}

/** Collects what the steps of a clean-up throw, so that every step runs before the first error is told. */
export class ThrownErrors {
  readonly #errors: unknown[] = [];

  /** For {@link guarded}. Of an AggregateError it takes the errors one by one. */
  readonly add: OnThrown = (error) => {
    if (error instanceof AggregateError) this.#errors.push(...(error.errors as unknown[]));
    else this.#errors.push(error);
  };

  /** @throws AggregateError where something was collected. `what` says what has failed in part. */
  throwAny(what: string): void {
    if (this.#errors.length > 0) throw new AggregateError(this.#errors, what);
  }
}
