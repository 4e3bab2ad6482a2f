import type { Observable, Observer } from 'rxjs';
import type { Delivery } from '../flow/delivery.js';
import type { sendFrom, Sending, SendObserver } from '../flow/feed/sending.js';

/**
 * An open stream, returned by {@link Connection.open}: an Observable of the items that the handler sends, and an
 * Observer for the items to send to it.
 *
 * The output can be subscribed to once; a second `subscribe` throws ConfigurationError. Through operators, the error is
 * thrown to the code that called the outermost `subscribe`, bypassing `retry` and `catchError`. Behind `share` and
 * similar operators, whose Subject separates the two subscriptions, `retry` does receive the error and, without a
 * count, resubscribes forever: apply `retry` before `share`. Items that arrive before the first subscription are held,
 * up to the window. `tap(stream)` takes the output as well, and drops it, because rxjs calls `subscribe()` of an
 * observer that has one: use `sendTo`, or `tap((item) => stream.next(item))`.
 *
 * `next` beyond the credit buffers the item, within bounds. Prefer `sendTo`, an input that is pulled (`exchange`), or
 * waiting for `credit$`.
 */
export interface DuplexStream<I, O> extends Observable<O>, Observer<I>, AsyncIterable<O> {
  /**
   * The output as deliveries, each of which must be released explicitly. Use it instead of subscribing to the stream
   * itself.
   */
  readonly deliveries: Observable<Delivery<O>>;
  /** Number of items that may be sent now. */
  readonly credit: number;
  /** Number of items that may be sent now, starting with the current value. Completes when the stream ends. */
  readonly credit$: Observable<number>;
  /** Number of items that were passed to `next` after the end and dropped. */
  readonly ignored: number;
  /** True once the stream has ended, normally or with an error. */
  readonly closed: boolean;
  /** Resolves at the normal end; rejects with the error of the stream. */
  readonly ended: Promise<void>;
  /** Sends one item, or buffers it until there is credit. Ignored and counted after the end. */
  next(item: I): void;
  /** Half-closes the stream: no more input; the output continues. */
  complete(): void;
  /** Cancels the stream at both ends; its output errors with `reason`. */
  error(reason: unknown): void;
  /** Cancels the stream at both ends; its output errors with `reason`, or with CancelledError. */
  cancel(reason?: unknown): void;
  /** Discards the output, both held and future items. Use it if the stream is only sent to. */
  ignoreOutput(): void;
  /** The credit of an item returns when the loop asks for the next one; leaving the loop cancels the stream. */
  [Symbol.asyncIterator](): AsyncGenerator<O, void, void>;
  /** @internal Use `sendTo`. */
  [sendFrom](observer: SendObserver): Sending<I>;
}
