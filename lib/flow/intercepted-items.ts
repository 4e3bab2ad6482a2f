import { map, Observable, type Subscriber } from 'rxjs';
import type { Report } from '../observe.js';
import { retainCurrent, type Delivery } from './delivery.js';
import { ExplicitDelivery } from './explicit-delivery.js';

/** Where a stream's items come from: its receiving half, or what interceptors make of it. */
export interface ItemSource<T> {
  /** Gives the items to `subscriber`; credit follows the current delivery. `origin` is what was subscribed to. */
  attach(subscriber: Subscriber<T>, origin: object): void;
  /** Gives the items as deliveries, each to be released by hand. */
  attachExplicit(subscriber: Subscriber<Delivery<T>>): void;
}

/** The items of a stream behind its interceptors. */
export class InterceptedItems<T> implements ItemSource<T> {
  readonly #start: (subscriber: Subscriber<T>) => void;
  readonly #route: string;
  readonly #report: Report;

  /** `start` makes the call, and gives its items to a subscriber. */
  constructor(start: (subscriber: Subscriber<T>) => void, route: string, report: Report) {
    this.#start = start;
    this.#route = route;
    this.#report = report;
  }

  attach(subscriber: Subscriber<T>): void {
    this.#start(subscriber);
  }

  attachExplicit(subscriber: Subscriber<Delivery<T>>): void {
    const loss = { route: this.#route, report: this.#report };
    new Observable<T>((items) => {
      this.#start(items);
    })
      .pipe(map((value): Delivery<T> => new ExplicitDelivery(value, retainCurrent() ?? nothing, loss)))
      .subscribe(subscriber);
  }
}

function nothing(): void {
  // Behind an asynchronous interceptor the credit has returned before.
}
