/**
 * Observables of what can be asked for: the next item is asked for when the one before is released. As a stream's
 * items, they are held back by who retains them, also through operators between.
 */

import { Observable, type Subscriber } from 'rxjs';
import { guarded } from '../guard.js';
import { checkResult, returnAsyncIterator, returnIterator } from './iterators.js';
import { trackRedelivery, redeliver } from './redeliver.js';
import { reportUnhandled } from './unhandled.js';

/** An Observable of what the iterator gives; one iterator for each subscription. At most `capacity` items are out at once. */
export function pulled<T>(iterator: () => Iterator<T>, capacity: number): Observable<T> {
  return observableOf((subscriber, items) => new SyncPuller(iterator(), subscriber, items, capacity));
}

/** As {@link pulled}. */
export function pulledAsync<T>(iterator: () => AsyncIterator<T>, capacity: number): Observable<T> {
  return observableOf((subscriber, items) => new AsyncPuller(iterator(), subscriber, items, capacity));
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
  #out = 0;

  constructor(subscriber: Subscriber<T>, origin: object, capacity: number) {
    this.#subscriber = subscriber;
    this.#origin = origin;
    this.#capacity = capacity;
  }

  /** Asks for items, as many as may be out. */
  abstract pull(): void;
  protected abstract returnIterator(): void;

  stop(): void {
    if (this.ended) return;
    this.ended = true;
    this.returnIterator();
  }

  // A getter, because the compiler does not see what the user's code does.
  protected get wanted(): boolean {
    return !this.ended && this.#out < this.#capacity;
  }

  protected give(result: IteratorResult<T>): void {
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
    this.#out++;
    redeliver(this.#origin, this.#subscriber, value, this.#onRelease);
  }

  protected fail(error: unknown): void {
    this.ended = true;
    this.#end(() => {
      this.#subscriber.error(error);
    });
  }

  // The next item is asked for by who releases the one before: a finalizer behind must not throw there.
  #end(notify: () => void): void {
    guarded(reportUnhandled, notify);
  }

  readonly #onRelease = (): void => {
    this.#out--;
    this.pull();
  };
}

class SyncPuller<T> extends Puller<T> {
  readonly #iterator: Iterator<T>;

  constructor(iterator: Iterator<T>, ...rest: ConstructorParameters<typeof Puller<T>>) {
    super(...rest);
    this.#iterator = iterator;
  }

  pull(): void {
    // A release within `next` must not recurse for each item.
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
      if (!this.ended) this.fail(error);
      return;
    }
    if (!this.ended) this.give(result);
    // A generator that unsubscribes within its own call runs, and so could not be returned then.
    else if (result.done !== true) this.returnIterator();
  }

  protected returnIterator(): void {
    // As from() of rxjs: nobody waits for what an iterator throws while it is stopped.
    returnIterator(this.#iterator, ignore);
  }
}

class AsyncPuller<T> extends Puller<T> {
  readonly #iterator: AsyncIterator<T>;

  constructor(iterator: AsyncIterator<T>, ...rest: ConstructorParameters<typeof Puller<T>>) {
    super(...rest);
    this.#iterator = iterator;
  }

  pull(): void {
    if (this.pulling || !this.wanted) return;
    this.pulling = true;
    let asked: Promise<IteratorResult<T>>;
    try {
      asked = this.#iterator.next();
    } catch (error) {
      this.#onError(error);
      return;
    }
    Promise.resolve(asked).then(this.#onResult, this.#onError);
  }

  protected returnIterator(): void {
    void returnAsyncIterator(this.#iterator, ignore);
  }

  readonly #onResult = (result: IteratorResult<T>): void => {
    // Behind a Promise nobody catches.
    if (!this.ended) guarded(reportUnhandled, this.#give, result);
    this.pulling = false;
    this.pull();
  };

  readonly #give = (result: IteratorResult<T>): void => {
    this.give(result);
  };

  readonly #onError = (error: unknown): void => {
    this.pulling = false;
    if (!this.ended) this.fail(error);
  };
}

function ignore(): void {
  // See above.
}
