/** Reports an error that user code threw where no caller can catch it. Must not throw. */
export type OnThrown = (error: unknown) => void;

/**
 * Runs `task`, which calls user code, and passes any error it throws to `onThrown`. A finalizer, iterator or observer
 * that throws therefore ends neither the loop that called it nor the remaining clean-up.
 *
 * Every loop over frames, muxes, timers, peers and calls runs each step in a guard. On a hot path, pass a function that
 * is created once, and its argument, to avoid an allocation.
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

/** Collects the errors of the steps of a clean-up, so that every step runs before they are thrown. */
export class ThrownErrors {
  readonly #errors: unknown[] = [];

  /** For {@link guarded}. The errors of an AggregateError are added individually. */
  readonly add: OnThrown = (error) => {
    if (error instanceof AggregateError) this.#errors.push(...(error.errors as unknown[]));
    else this.#errors.push(error);
  };

  /** @throws AggregateError if errors have been collected. `what` is its message. */
  throwAny(what: string): void {
    if (this.#errors.length > 0) throw new AggregateError(this.#errors, what);
  }
}
