/**
 * Observables over iterators: the next item is requested when the one before is released. As with a stream's items,
 * backpressure comes from the consumer that retains the deliveries, also through operators in between.
 *
 *     waiting ──fewer than `capacity` items retained──▶ pulling ──item──▶ delivered ──release──▶ waiting
 *                                                         └── done | throws ──▶ ended        any ──unsubscribe──▶ ended
 */

import { Observable, type Subscriber } from 'rxjs';
import { guarded, type OnThrown } from '../../guard.js';
import { checkResult, returnAsyncIterator, StoppableIterator } from './iterators.js';
import { trackRedelivery, redeliver } from '../redeliver.js';
import { reportUnhandled } from '../unhandled.js';

/**
 * An Observable over an iterator, with a new iterator for each subscription. At most `capacity` items are retained at
 * once. `onLate` takes what the iterator throws while it is stopped, and afterwards. Default: dropped, as by from() of
 * rxjs.
 */
export function pulled<T>(iterator: () => Iterator<T>, capacity: number, onLate: OnThrown = ignore): Observable<T> {
  return observableOf((subscriber, items) => new SyncPuller(iterator(), onLate, subscriber, items, capacity));
}

/** As {@link pulled}, over an async iterator. */
export function pulledAsync<T>(
  iterator: () => AsyncIterator<T>,
  capacity: number,
  onLate: OnThrown = ignore,
): Observable<T> {
  return observableOf((subscriber, items) => new AsyncPuller(iterator(), onLate, subscriber, items, capacity));
}

function observableOf<T>(makePuller: (subscriber: Subscriber<T>, items: object) => Puller<T>): Observable<T> {
  const items = new Observable<T>((subscriber) => {
    trackRedelivery(items);
    const puller = makePuller(subscriber, items);
    subscriber.add(() => {
      puller.stop();
    });
    puller.pull();
  });
  return items;
}

abstract class Puller<T> {
  protected ended = false;
  protected pulling = false;
  readonly #subscriber: Subscriber<T>;
  readonly #origin: object;
  readonly #capacity: number;
  #retained = 0;

  constructor(subscriber: Subscriber<T>, origin: object, capacity: number) {
    this.#subscriber = subscriber;
    this.#origin = origin;
    this.#capacity = capacity;
  }

  /** Requests as many items as may be retained. */
  abstract pull(): void;
  protected abstract returnIterator(): void;

  stop(): void {
    if (this.ended) return;
    this.ended = true;
    this.returnIterator();
  }

  // A getter, because the compiler cannot see that user code changes the field.
  protected get wanted(): boolean {
    return !this.ended && this.#retained < this.#capacity;
  }

  protected deliver(result: IteratorResult<T>): void {
    let value: T;
    try {
      if (checkResult(result).done === true) {
        this.ended = true;
        this.#end(() => {
          this.#subscriber.complete();
        });
        return;
      }
      value = result.value as T;
    } catch (error) {
      this.fail(error);
      this.returnIterator();
      return;
    }
    this.#retained++;
    redeliver(this.#origin, this.#subscriber, value, this.#onRelease);
  }

  protected fail(error: unknown): void {
    this.ended = true;
    this.#end(() => {
      this.#subscriber.error(error);
    });
  }

  // Runs within a release of the consumer, where the finalizer of another operator must not throw.
  #end(notify: () => void): void {
    guarded(reportUnhandled, notify);
  }

  readonly #onRelease = (): void => {
    this.#retained--;
    this.pull();
  };
}

class SyncPuller<T> extends Puller<T> {
  readonly #iterator: StoppableIterator<T>;
  readonly #onLate: OnThrown;

  constructor(iterator: Iterator<T>, onLate: OnThrown, ...rest: ConstructorParameters<typeof Puller<T>>) {
    super(...rest);
    this.#iterator = new StoppableIterator(iterator, onLate);
    this.#onLate = onLate;
  }

  pull(): void {
    // A release within `next` must not recurse once per item.
    if (this.pulling) return;
    this.pulling = true;
    try {
      while (this.wanted) this.#pullOne();
    } finally {
      this.pulling = false;
    }
  }

  #pullOne(): void {
    let result: IteratorResult<T>;
    try {
      result = this.#iterator.next();
    } catch (error) {
      if (this.ended) this.#onLate(error);
      else this.fail(error);
      return;
    }
    // It may have unsubscribed within its own call.
    if (!this.ended) this.deliver(result);
  }

  protected returnIterator(): void {
    this.#iterator.stop();
  }
}

class AsyncPuller<T> extends Puller<T> {
  readonly #iterator: AsyncIterator<T>;
  readonly #onLate: OnThrown;

  constructor(iterator: AsyncIterator<T>, onLate: OnThrown, ...rest: ConstructorParameters<typeof Puller<T>>) {
    super(...rest);
    this.#iterator = iterator;
    this.#onLate = onLate;
  }

  pull(): void {
    if (this.pulling || !this.wanted) return;
    this.pulling = true;
    try {
      // Either may throw: a Promise may have a `then` of its own.
      Promise.resolve(this.#iterator.next()).then(this.#onResult, this.#onError);
    } catch (error) {
      this.#onError(error);
    }
  }

  protected returnIterator(): void {
    void returnAsyncIterator(this.#iterator, this.#onLate);
  }

  readonly #onResult = (result: IteratorResult<T>): void => {
    // Within a Promise callback, a thrown error would be an unhandled rejection.
    if (!this.ended) guarded(reportUnhandled, this.#deliver, result);
    this.pulling = false;
    this.pull();
  };

  readonly #deliver = (result: IteratorResult<T>): void => {
    this.deliver(result);
  };

  readonly #onError = (error: unknown): void => {
    this.pulling = false;
    // A generator that is stopped runs on to its next `yield`, and may fail before that.
    if (this.ended) this.#onLate(error);
    else this.fail(error);
  };
}

function ignore(): void {
  // The default.
}
