import type { Observable, Observer } from 'rxjs';
import type { Delivery } from '../flow/delivery.js';
import type { sendFrom, Sending, SendObserver } from '../flow/sending.js';

/**
 * An open stream: the Observable of what the handler sends, and the Observer of what goes to it, in one. Made by
 * {@link Connection.open}. Single use: its
 * output can be subscribed to once; the second time `subscribe` throws ConfigurationError. Behind
 * operators, who subscribed to the last of them gets that error, past `retry` and `catchError`; but behind `share` and its
 * like, whose Subject hides who is behind, `retry` gets it too, and subscribes for ever if it has no count: put `retry`
 * before `share`. What comes before the first subscription is held, up to the window.
 *
 * `next` beyond the credit is buffered, within bounds; prefer `sendTo`, or an input that is pulled (`exchange`), or wait
 * for `credit$`.
 */
export interface DuplexStream<I, O> extends Observable<O>, Observer<I>, AsyncIterable<O> {
  /** The output as deliveries, each to be released by hand. It takes the place of subscribing to the stream itself. */
  readonly deliveries: Observable<Delivery<O>>;
  /** Items that may be sent now. */
  readonly credit: number;
  /** Items that may be sent now, beginning with the present number. Completes with the stream. */
  readonly credit$: Observable<number>;
  /** Items given to `next` after the end, and dropped. */
  readonly ignored: number;
  /** True after the end, whichever. */
  readonly closed: boolean;
  /** Resolves at the normal end, rejects with the error. */
  readonly ended: Promise<void>;
  /** Sends one item, or buffers it until there is credit. Ignored and counted after the end. */
  next(item: I): void;
  /** Half-closes: no more input. The output goes on. */
  complete(): void;
  /** Cancels the stream at both ends; its output errors with `reason`. */
  error(reason: unknown): void;
  /** Cancels the stream at both ends; its output errors with `reason`, or with CancelledError. */
  cancel(reason?: unknown): void;
  /** Discards the output, now and later: for who only sends. */
  ignoreOutput(): void;
  /** The credit of an item returns when the loop asks for the next one; leaving the loop cancels the stream. */
  [Symbol.asyncIterator](): AsyncGenerator<O, void, void>;
  /** @internal Use `sendTo`. */
  [sendFrom](observer: SendObserver): Sending<I>;
}
