import { CancelledError, ConfigurationError } from '../errors.js';
import type { OnThrown } from '../guard.js';
import { feed, type FeedBounds, type Feeder, type FeedSource, type Outlet } from './feed.js';

export { sendFrom } from './ambient.js';

/** Observes the progress of a {@link Sending}. */
export interface SendObserver {
  /** One more item was sent. */
  sent(): void;
  /** All items and the half-close were sent. */
  done(): void;
  /** The sending ended before that. */
  failed(error: unknown): void;
}

/**
 * The sending of one source to a stream.
 *
 *     idle ──start──▶ sending ──complete──▶ completing ──halfClosed──▶ ended: done
 *                        └── end of the stream, a half-close by another ──▶ ended: failed      any ──stop──▶ ended
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
  #ended = false;

  /** The outlet reports the end: by {@link halfClosed} after `complete`, by {@link end} after `fail`. */
  constructor(name: string, outlet: Outlet<I>, bounds: FeedBounds, observer: SendObserver) {
    this.#name = name;
    this.#outlet = outlet;
    this.#bounds = bounds;
    this.#observer = observer;
  }

  /** The stream accepts no items: `start` does nothing. The end of the stream is still reported. */
  refuse(): void {
    this.#refused = true;
  }

  /** Starts to send. */
  start(source: FeedSource<I>): void {
    if (this.#ended || this.#refused) return;
    this.#feeder = feed(source, this, this.#bounds);
    if (this.#hasEnded()) this.#feeder.stop();
  }

  /** The stream may accept items again. */
  resume(): void {
    this.#feeder?.resume();
  }

  /** The half-close was sent. */
  halfClosed(): void {
    if (this.#ended) return;
    if (this.#completing) {
      this.#ended = true;
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
    if (this.#ended) return;
    this.#fail(
      error ??
        new CancelledError(
          `${this.#name} ended before everything was sent: its handler finished after ${String(this.#sent)} items.`,
        ),
    );
  }

  /** Stops sending, without notifying the observer. */
  stop(): void {
    this.#ended = true;
    this.#feeder?.stop();
  }

  get onThrown(): OnThrown {
    return this.#outlet.onThrown;
  }

  get canSend(): boolean {
    return !this.#ended && this.#outlet.canSend;
  }

  encode(item: I): Uint8Array {
    // Ends a source that still emits within `start`.
    if (this.#ended) throw new CancelledError(`${this.#name} takes no more items.`);
    return this.#outlet.encode(item);
  }

  send(payload: Uint8Array): void {
    this.#outlet.send(payload);
    this.#sent++;
    if (!this.#hasEnded()) this.#observer.sent();
  }

  complete(): void {
    if (this.#ended) return;
    this.#completing = true;
    this.#outlet.complete();
  }

  fail(error: unknown): void {
    if (!this.#ended) this.#outlet.fail(error);
  }

  #fail(error: unknown): void {
    this.stop();
    this.#observer.failed(error);
  }

  // A method, because the compiler cannot see that user code changes the field.
  #hasEnded(): boolean {
    return this.#ended;
  }
}
