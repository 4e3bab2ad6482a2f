import { asapScheduler, isObservable, Observable, type Subscriber } from 'rxjs';
import { aFunction, checkOption, checkOptions, either, oneOf, whole } from '../check.js';
import { DisconnectedError } from '../errors.js';
import { retainCurrent } from '../flow/delivery.js';
import { redeliver, trackRedelivery } from '../flow/redeliver.js';
import { SourceTracker } from '../flow/source-tracker.js';
import { subscriberOf } from '../flow/subscriber.js';

/** Options of {@link resumable}. */
export interface ResumableOptions<T, P> {
  /**
   * Returns the payload that makes the stream begin behind `last`, the item that was consumed last. `last` is undefined
   * where none was: the stream begins at its start.
   */
  readonly from: (last: T | undefined) => P;
  /**
   * Maximum number of consecutive losses after which the stream is opened again; an item resets it. Default: unlimited.
   */
  readonly count?: number;
}

const streamRule = aFunction('opens the stream, such as (payload) => host2.stream(watch, payload)');
const resumableRules = {
  from: aFunction('returns the payload behind an item'),
  count: either(whole(0), oneOf(Infinity)),
};

/**
 * Opens a stream, and opens it again after its connection was lost, from behind the item that was consumed last: no
 * item is lost, and none is repeated.
 *
 * An item is consumed when it is released. That is when `next` has returned; with a `consume` behind it, when its inner
 * Observable has ended; with a relay, when the item has gone into the other stream. After a loss, the items that are in
 * progress are finished first; then, and once there is a connection again, `from` gets the last item, and the stream is
 * opened with what it returns. So when `from` is called, all items before `last` are consumed too, whatever the
 * `concurrency` of `consume` is and in whatever order they were finished.
 *
 * Put `consume` behind `resumable`, not into `stream`: an item that is in progress there is not seen by `resumable`.
 * Behind an asynchronous operator, such as `delay`, an item counts as consumed when that operator has taken it.
 *
 * To open it again must be safe, whether or not something was sent, so the route should only read. Any other error is
 * passed on at once. Where nothing tries to connect any more, because the connection is closed permanently or the other
 * side refuses it, the stream fails with an error that says so. A subscription begins with `from(undefined)`.
 *
 * Errors: those of the stream; what `stream` and `from` throw.
 *
 * @param stream Opens the stream, such as `(payload) => host2.stream(watch, payload)`.
 * @throws ConfigurationError for an unknown, missing or invalid option, and for a `stream` that is no function.
 *
 * @example
 * resumable((since: number) => host2.stream(watch, since), { from: (last) => last?.at ?? 0 })
 *   .pipe(consume(save))
 *   .subscribe();
 */
export function resumable<T, P>(stream: (payload: P) => Observable<T>, options: ResumableOptions<T, P>): Observable<T> {
  checkOption('resumable: stream', stream, streamRule);
  checkOptions(options, resumableRules, { of: 'resumable', required: ['from'] });
  const { from, count = Infinity } = options;
  const items = new Observable<T>((subscriber) => {
    new Resumption((last: T | undefined) => stream(from(last)), count, items, subscriber).start();
  });
  return items;
}

/**
 * One subscription of {@link resumable}.
 *
 *     open ──lost──▶ waiting ──no item in progress, connected again──▶ open
 *       │               └──connection closed permanently, refused──▶ failed
 *       └──completes, fails otherwise──▶ ended
 */
class Resumption<T> {
  readonly #open: (last: T | undefined) => Observable<T>;
  readonly #count: number;
  readonly #origin: object;
  readonly #subscriber: Subscriber<T>;
  readonly #first = new SourceTracker(true);
  // The item that was delivered last. When no item is in progress, it is also the one that was consumed last.
  #last: T | undefined = undefined;
  #inProgress = 0;
  #losses = 0;
  // Set while the stream is lost and items are in progress.
  #whenConsumed: (() => void) | undefined = undefined;

  constructor(open: (last: T | undefined) => Observable<T>, count: number, origin: object, subscriber: Subscriber<T>) {
    this.#open = open;
    this.#count = count;
    this.#origin = origin;
    this.#subscriber = subscriber;
  }

  start(): void {
    trackRedelivery(this.#origin, this.#first);
    this.#begin(this.#first);
  }

  #begin(tracker: SourceTracker): void {
    let items: Observable<T>;
    try {
      items = this.#open(this.#last);
    } catch (error) {
      this.#subscriber.error(error);
      return;
    }
    const stop = (): void => {
      tracker.unsubscribe();
    };
    this.#subscriber.add(stop);
    tracker.subscribe(items, {
      next: (item) => {
        this.#deliver(item);
      },
      error: (error: unknown) => {
        this.#subscriber.remove(stop);
        this.#fail(error);
      },
      complete: () => {
        this.#subscriber.complete();
      },
    });
    // The subscriber may have unsubscribed within `subscribe`, before the tracker had something to stop.
    if (this.#subscriber.closed) stop();
  }

  #deliver(item: T): void {
    const releaseUpstream = retainCurrent();
    this.#last = item;
    this.#losses = 0;
    this.#inProgress++;
    redeliver(this.#origin, this.#subscriber, item, () => {
      this.#inProgress--;
      releaseUpstream?.();
      if (this.#inProgress === 0) this.#whenConsumed?.();
    });
  }

  #fail(error: unknown): void {
    if (!(error instanceof DisconnectedError) || !isObservable(error.reconnected) || ++this.#losses > this.#count) {
      this.#subscriber.error(error);
      return;
    }
    const reconnected: Observable<unknown> = error.reconnected;
    if (this.#inProgress === 0) {
      this.#reopen(reconnected, error);
      return;
    }
    this.#whenConsumed = () => {
      this.#whenConsumed = undefined;
      // A consumer that fails or is unsubscribed releases its items first: it gets the time to end this subscription.
      this.#subscriber.add(
        asapScheduler.schedule(() => {
          this.#reopen(reconnected, error);
        }),
      );
    };
  }

  #reopen(reconnected: Observable<unknown>, error: DisconnectedError): void {
    let again = false;
    const waiting = subscriberOf<unknown>({
      next: () => {
        again = true;
        this.#subscriber.remove(waiting);
        waiting.unsubscribe();
        this.#begin(new SourceTracker(true));
      },
      error: (failure: unknown) => {
        this.#subscriber.error(failure);
      },
      // `reconnected` completes without a value if nothing tries to connect any more.
      complete: () => {
        if (!again) this.#subscriber.error(error.current);
      },
    });
    this.#subscriber.add(waiting);
    reconnected.subscribe(waiting);
  }
}
