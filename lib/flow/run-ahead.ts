/**
 * Detects that one of several streams runs ahead of the others. `zip` keeps its items in a buffer that nothing bounds,
 * and their credit has returned: they are not lost, as behind an asynchronous operator, so nothing else shows it. Here,
 * one item of each stream is remembered, until it comes out in a tuple; if its stream has delivered many more by then,
 * they wait in between.
 *
 * Only objects are recognized again, and only in the tuple itself: not behind a `map` of either side of `zip`.
 */

import type { DeliveryWatch } from './delivery.js';
import type { SubscribedStream } from './source-tracker.js';

/**
 * Items that a stream is ahead of the others before that is reported: more than may come in one turn of a small window.
 */
const reportedAhead = 64;

/** What of one stream is remembered. */
class StreamWatch implements DeliveryWatch {
  #remembered: unknown = undefined;
  #since = 0;

  delivered(item: unknown): void {
    if (this.#remembered !== undefined) this.#since++;
    else if (typeof item === 'object' && item !== null) {
      this.#remembered = item;
      this.#since = 0;
    }
  }

  cameOut(tuple: readonly unknown[]): boolean {
    if (this.#remembered === undefined || !tuple.includes(this.#remembered)) return false;
    this.#remembered = undefined;
    return this.#since >= reportedAhead;
  }
}

/** Reports when one of several streams runs ahead of the others behind `zip`. */
export class RunAhead {
  readonly #watches = new Map<SubscribedStream, DeliveryWatch>();
  #reported = false;

  /**
   * An item has come out of an operator that joins these streams, two or more. Reports a stream that is ahead, once.
   */
  cameOut(item: unknown, streams: readonly SubscribedStream[]): void {
    if (this.#reported || !Array.isArray(item) || item.length > streams.length) return;
    for (const stream of streams) {
      if (stream.source === undefined) continue;
      const watch = this.#watches.get(stream);
      if (watch === undefined) this.#watches.set(stream, (stream.source.watch ??= new StreamWatch()));
      else if (watch.cameOut(item)) {
        this.#reported = true;
        const { route, report } = stream;
        const remedy = `${route}: zip() lets this stream run ahead of the others, and nothing bounds the items that wait. Take one item of each in an async generator instead.`;
        report({ type: 'backpressure-lost', route, remedy });
        return;
      }
    }
  }
}
