import { CancelledError, ConfigurationError } from '../errors.js';
import type { FeedSource } from '../flow/feed/feed.js';
import type { Sending, SendObserver } from '../flow/feed/sending.js';
import type { SendingHalf } from './sending-half.js';
import { StreamSource, type SourcePayload } from './stream-source.js';

/**
 * A source of a stream whose progress is observed, as `sendTo` does.
 *
 *     idle ──start──▶ sending ──complete──▶ completing ──halfClosed──▶ ended: done
 *                        └── end of the stream, a half-close by another ──▶ ended: failed      any ──stop──▶ ended
 */
export class ObservedSource<T> extends StreamSource<T> implements Sending<T> {
  readonly #observer: SendObserver;
  readonly #complete: () => void;
  #sent = 0;
  #refused = false;
  #completing = false;
  #ended = false;

  /**
   * `complete` is called after the last item; {@link halfClosed} must follow. After `fail`, {@link end} must follow.
   */
  constructor(half: SendingHalf<T>, observer: SendObserver, complete: () => void) {
    super(half);
    this.#observer = observer;
    this.#complete = complete;
  }

  /** The stream accepts no items: `start` does nothing. The end of the stream is still reported. */
  refuse(): void {
    this.#refused = true;
  }

  start(source: FeedSource<T>): void {
    if (this.#ended || this.#refused) return;
    this.feed(source);
    if (this.#hasEnded()) super.stop();
  }

  /** The half-close was sent. */
  halfClosed(): void {
    if (this.#ended) return;
    if (this.#completing) {
      this.#ended = true;
      this.#observer.done();
    } else {
      const text = `The input of ${this.#name} was completed elsewhere after ${String(this.#sent)} items of this source. Complete it once: join the sources before sendTo().`;
      // The stream is open.
      this.#fail(Object.assign(new ConfigurationError(text), { sent: true }));
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
  override stop(): void {
    this.#ended = true;
    super.stop();
  }

  override get canSend(): boolean {
    return !this.#ended && super.canSend;
  }

  override encode(item: T): SourcePayload {
    // Ends a source that still emits within `start`.
    if (this.#ended) throw new CancelledError(`${this.#name} takes no more items.`);
    return super.encode(item);
  }

  override send(payload: SourcePayload): void {
    super.send(payload);
    this.#sent++;
    if (!this.#hasEnded()) this.#observer.sent();
  }

  override complete(): void {
    if (this.#ended) return;
    this.#completing = true;
    this.#complete();
  }

  override fail(error: unknown): void {
    if (!this.#ended) super.fail(error);
  }

  get #name(): string {
    return this.half.owner.route;
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
