import type { Outlet } from '../flow/feed.js';
import type { OnThrown } from '../guard.js';

/**
 * Adapts the input of a call to one additional source: the end of that source is not necessarily the end of the input, so
 * `complete` is replaced.
 */
export class SendingOutlet<I> implements Outlet<I> {
  readonly complete: () => void;
  readonly #input: Outlet<I>;

  constructor(input: Outlet<I>, complete: () => void) {
    this.#input = input;
    this.complete = complete;
  }

  get onThrown(): OnThrown {
    return this.#input.onThrown;
  }

  get canSend(): boolean {
    return this.#input.canSend;
  }

  encode(item: I): Uint8Array {
    return this.#input.encode(item);
  }

  send(payload: Uint8Array): void {
    this.#input.send(payload);
  }

  fail(error: unknown): void {
    this.#input.fail(error);
  }
}
