import type { FeedSource } from './feed.js';

export { sendFrom } from '../ambient.js';

/** Observes the progress of a {@link Sending}. */
export interface SendObserver {
  /** One more item was sent. */
  sent(): void;
  /** All items and the half-close were sent. */
  done(): void;
  /** The sending ended before that. */
  failed(error: unknown): void;
}

/** The sending of one source to an open stream. */
export interface Sending<T> {
  /** Starts to send `source`. Does nothing where the stream accepts no items. */
  start(source: FeedSource<T>): void;
  /** Stops sending, without notifying the observer. */
  stop(): void;
}
