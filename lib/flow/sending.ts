import { CancelledError, ConfigurationError } from '../errors.js';
import type { OnThrown } from '../guard.js';
import { feed, type FeedBounds, type Feeder, type FeedSource, type Outlet } from './feed.js';

export { sendFrom } from './ambient.js';

/** Who hears how the sending goes on. */
export interface SendObserver {
  /** One more item has gone out. */
  sent(): void;
  /** Everything has, and the half-close. */
  done(): void;
  /** It has ended before. */
  failed(error: unknown): void;
}

/**
 * One source that is sent to a stream.
 *
 *     idle ──start──▶ sending ──complete──▶ completing ──halfClosed──▶ over: done
 *                        └── end of the stream, a half-close by another ──▶ over: failed       any ──stop──▶ over
 */
export class Sending<I> implements Outlet<I> {
  readonly #outlet: Outlet<I>;
  readonly #bounds: FeedBounds;
  readonly #observer: SendObserver;
  readonly #name: string;
  #feeder: Feeder | undefined = undefined;
  #sent = 0;
  #refused = false;
  #completing = false;
  #over = false;

  /** The outlet tells this sending its end: with {@link halfClosed} after `complete`, with {@link end} after `fail`. */
  constructor(name: string, outlet: Outlet<I>, bounds: FeedBounds, observer: SendObserver) {
    this.#name = name;
    this.#outlet = outlet;
    this.#bounds = bounds;
    this.#observer = observer;
  }

  /** The stream takes nothing any more: `start` does nothing. Its end is still to be told. */
  refuse(): void {
    this.#refused = true;
  }

  /** Begins to send. */
  start(source: FeedSource<I>): void {
    if (this.#over || this.#refused) return;
    this.#feeder = feed(source, this, this.#bounds);
    if (this.#isOver()) this.#feeder.stop();
  }

  /** The stream may take items again. */
  resume(): void {
    this.#feeder?.resume();
  }

  /** The half-close has gone out. */
  halfClosed(): void {
    if (this.#over) return;
    if (this.#completing) {
      this.#over = true;
      this.#observer.done();
    } else {
      this.#fail(
        new ConfigurationError(
          `The input of ${this.#name} was completed elsewhere after ${String(this.#sent)} items of this source. Complete it once: join the sources before sendTo().`,
        ),
      );
    }
  }

  /** The stream has ended. */
  end(error: unknown): void {
    if (this.#over) return;
    this.#fail(
      error ??
        new CancelledError(
          `${this.#name} ended before everything was sent: its handler had enough after ${String(this.#sent)} items.`,
        ),
    );
  }

  /** Sends no more, and tells nobody. */
  stop(): void {
    this.#over = true;
    this.#feeder?.stop();
  }

  get onThrown(): OnThrown {
    return this.#outlet.onThrown;
  }

  get canSend(): boolean {
    return !this.#over && this.#outlet.canSend;
  }

  encode(item: I): Uint8Array {
    // Ends a source that still emits within `start`.
    if (this.#over) throw new CancelledError(`${this.#name} takes no more items.`);
    return this.#outlet.encode(item);
  }

  send(payload: Uint8Array): void {
    this.#outlet.send(payload);
    this.#sent++;
    if (!this.#isOver()) this.#observer.sent();
  }

  complete(): void {
    if (this.#over) return;
    this.#completing = true;
    this.#outlet.complete();
  }

  fail(error: unknown): void {
    if (!this.#over) this.#outlet.fail(error);
  }

  #fail(error: unknown): void {
    this.stop();
    this.#observer.failed(error);
  }

  // A method, because the compiler does not see what the user's code does.
  #isOver(): boolean {
    return this.#over;
  }
}
