import type { Feeder, Outlet, Payload } from './feed.js';
import type { Pull } from '../pull/pull.js';

/**
 * Sends the items of a {@link Pull}, one per credit. While there is no credit, the pull's own policy applies.
 *
 *     idle ──resume──▶ sending ──no credit, or no item──▶ idle        end of the pull ──▶ ended        any ──stop──▶ ended
 */
export class PullFeeder<T, P extends Payload> implements Feeder {
  readonly #pull: Pull<T>;
  readonly #outlet: Outlet<T, P>;
  #stopped = false;
  #sending = false;

  constructor(pull: Pull<T>, outlet: Outlet<T, P>) {
    this.#pull = pull;
    this.#outlet = outlet;
    pull.open(() => {
      this.resume();
    }, outlet.onThrown);
    this.resume();
  }

  resume(): void {
    // The user's encoder, and observers of a sent item, may cause further items to arrive.
    if (this.#sending || this.#stopped) return;
    this.#sending = true;
    try {
      while (!this.#isStopped() && this.#outlet.canSend && this.#sendOne());
    } catch (error) {
      if (!this.#isStopped()) {
        this.stop();
        this.#outlet.fail(error);
      }
    } finally {
      this.#sending = false;
    }
    // The end needs no credit.
    const { end } = this.#pull;
    if (end === undefined || this.#isStopped()) return;
    this.#stopped = true;
    if (end.failed) this.#outlet.fail(end.error);
    else this.#outlet.complete();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    // Read first: stop() drops the queued items, and the pull may only then report its end.
    const { pendingFailure } = this.#pull;
    this.#pull.stop();
    // The source failed while items before the failure were queued: nothing else reports that.
    if (pendingFailure !== undefined) this.#outlet.onLateFailure?.(pendingFailure.error);
  }

  #sendOne(): boolean {
    const taken = this.#pull.take();
    if (taken === undefined) return false;
    try {
      this.#outlet.send(this.#outlet.encode(taken.value));
    } finally {
      taken.release?.();
    }
    return true;
  }

  // A method, because the compiler cannot see that user code changes the field.
  #isStopped(): boolean {
    return this.#stopped;
  }
}
