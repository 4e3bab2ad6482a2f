import type { Observable, Observer } from 'rxjs';
import { BufferOverflowError } from '../../errors.js';
import { currentSource } from '../delivery.js';
import type { FeedBounds, Feeder, Outlet, Payload } from './feed.js';
import { DeliveredItems } from '../delivered-items.js';
import { SourceTracker } from '../source-tracker.js';

interface Buffered<P> {
  readonly payload: P;
  /** The delivery that it is of; 0 where the item counts towards the bounds. */
  readonly delivery: number;
  /** Returns the credit of the stream that the item came from, where the source is a relay. */
  readonly release: (() => void) | undefined;
}

/**
 * Sends the items that an Observable pushes, through a bounded buffer. Where the Observable is made of a stream (a
 * relay), that stream gets backpressure instead.
 *
 *     open ──error | complete──▶ draining (buffered items are sent) ──▶ ended        any ──stop | overflow──▶ ended
 */
export class ObservableFeeder<T, P extends Payload> implements Feeder, Observer<T> {
  readonly #outlet: Outlet<T, P>;
  readonly #bounds: FeedBounds;
  readonly #buffer: Buffered<P>[] = [];
  #bufferFrom = 0;
  readonly #delivered: DeliveredItems;
  #boundedItems = 0;
  #boundedBytes = 0;
  #end: { readonly error?: unknown; readonly failed: boolean } | undefined = undefined;
  #stopped = false;
  #sending = false;
  // The streams of which the source is made.
  readonly #relayed = new SourceTracker(true);

  constructor(source: Observable<T>, outlet: Outlet<T, P>, bounds: FeedBounds) {
    this.#outlet = outlet;
    this.#bounds = bounds;
    this.#delivered = new DeliveredItems(bounds.items, bounds.bytes);
    this.#relayed.subscribe(source, this, outlet.onThrown);
  }

  // --- called by the source

  next(item: T): void {
    if (this.#stopped || this.#end !== undefined) return;
    this.#relayed.cameOut(item);
    let payload: P;
    try {
      payload = this.#outlet.encode(item);
    } catch (error) {
      this.#finish({ failed: true, error });
      return;
    }
    if (this.#bufferFrom === this.#buffer.length && !this.#sending && this.#outlet.canSend) {
      this.#outlet.send(payload);
      return;
    }
    const release = this.#relayed.retainCurrent();
    const delivery = release === undefined ? 0 : this.#delivered.add(payload.length);
    if (delivery < 0 || (delivery === 0 && !this.#fits(payload))) {
      release?.();
      this.#overflow(release === undefined);
      return;
    }
    this.#buffer.push({ payload, delivery, release });
  }

  error(error: unknown): void {
    this.#finish({ failed: true, error });
  }

  complete(): void {
    this.#finish({ failed: false });
  }

  // --- called by the outlet

  resume(): void {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (!this.#stopped && this.#bufferFrom < this.#buffer.length && this.#outlet.canSend) this.#sendOldest();
    } finally {
      this.#sending = false;
    }
    if (this.#bufferFrom === this.#buffer.length) {
      this.#buffer.length = 0;
      this.#bufferFrom = 0;
      this.#notifyEnd();
    } else if (this.#bufferFrom > 1024) {
      this.#buffer.splice(0, this.#bufferFrom);
      this.#bufferFrom = 0;
    }
  }

  #sendOldest(): void {
    const { payload, delivery, release } = this.#buffer[this.#bufferFrom++]!;
    if (delivery === 0) {
      this.#boundedItems--;
      this.#boundedBytes -= payload.length;
    } else this.#delivered.remove(delivery, payload.length);
    try {
      this.#outlet.send(payload);
    } finally {
      release?.();
    }
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#relayed.unsubscribe();
    for (const { release } of this.#buffer.splice(this.#bufferFrom)) release?.();
    // The source failed while items before the failure were buffered: nothing else reports that.
    if (this.#end?.failed === true) this.#outlet.onLateFailure?.(this.#end.error);
  }

  /** Counts an item. False: it exceeds the bounds. */
  #fits(payload: P): boolean {
    const { items, bytes } = this.#bounds;
    this.#boundedItems++;
    this.#boundedBytes += payload.length;
    return this.#boundedItems <= items && this.#boundedBytes <= bytes;
  }

  #overflow(free: boolean): void {
    const { items, bytes } = this.#bounds;
    // Determined before the streams are unsubscribed.
    const more = free ? this.#relayRemedy() : '';
    this.stop();
    this.#outlet.fail(
      new BufferOverflowError(
        `An Observable produced faster than the other side consumes: more than ${String(items)} items or ${String(bytes)} bytes wait. ` +
          `Return an iterable or a generator (for an input: fromIterable(…)), or pipe through bufferBounded(…) or conflate().${more}`,
      ),
    );
  }

  // Advice for a relay that applies no backpressure to its stream, although it could.
  #relayRemedy(): string {
    if (currentSource() !== undefined) {
      return (
        ' The last item was emitted while another stream delivered one, by way of a Subject or share(), which hides that stream: ' +
        'return the stream itself with its operators, or loop over it in an async generator, and it gets backpressure.'
      );
    }
    const routes = this.#relayed.streams.map(({ route }) => route).filter((route) => route !== '');
    if (routes.length === 0) return '';
    return (
      ` Where its items come from ${routes.join(' and ')} by way of an asynchronous operator, such as delay, observeOn or concatMap: ` +
      'put that operator into a consume(), as in consume((item) => of(item).pipe(delay(1))), and the stream gets backpressure.'
    );
  }

  #finish(end: { readonly error?: unknown; readonly failed: boolean }): void {
    if (this.#stopped || this.#end !== undefined) return;
    this.#end = end;
    this.#relayed.unsubscribe();
    if (this.#bufferFrom === this.#buffer.length && !this.#sending) this.#notifyEnd();
  }

  #notifyEnd(): void {
    if (this.#end === undefined || this.#stopped) return;
    this.#stopped = true;
    if (this.#end.failed) this.#outlet.fail(this.#end.error);
    else this.#outlet.complete();
  }
}
