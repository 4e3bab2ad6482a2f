import type { Feeder, Outlet } from './feed.js';
import type { Pull } from './pull.js';

/** Sends what a {@link Pull} has, one item per credit: so the pull's own policy holds while there is none. */
export class PullFeeder<T> implements Feeder {
  readonly #pull: Pull<T>;
  readonly #outlet: Outlet<T>;
  #stopped = false;
  #sending = false;

  constructor(pull: Pull<T>, outlet: Outlet<T>) {
    this.#pull = pull;
    this.#outlet = outlet;
    pull.open(() => {
      this.resume();
    }, outlet.onThrown);
    this.resume();
  }

  resume(): void {
    // The user's encoder, and who hears of an item that is sent, may make more come.
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
    // The end takes no credit.
    const { end } = this.#pull;
    if (end === undefined || this.#isStopped()) return;
    this.#stopped = true;
    if (end.failed) this.#outlet.fail(end.error);
    else this.#outlet.complete();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#pull.stop();
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

  // A method, because the compiler does not see what the user's code does.
  #isStopped(): boolean {
    return this.#stopped;
  }
}
