import type { CallInterceptor } from '../contract/interceptor.js';
import type { WireRoute } from '../contract/wire-route.js';
import { retry } from '../interceptors/retry.js';

const none: readonly CallInterceptor[] = [];

/** The interceptors of the calls of one endpoint. */
export class CallInterceptors {
  readonly #all: readonly CallInterceptor[];
  // Of the routes that have one of their own.
  readonly #ofRoute = new WeakMap<WireRoute, readonly CallInterceptor[]>();

  constructor(all: readonly CallInterceptor[] = none) {
    this.#all = all;
  }

  /** The interceptors of a route's calls: those of the endpoint, and behind them the `retry` of the contract. */
  of(route: WireRoute): readonly CallInterceptor[] {
    if (route.defaults.retry === undefined) return this.#all;
    let interceptors = this.#ofRoute.get(route);
    if (interceptors === undefined) {
      interceptors = [...this.#all, retry(route.defaults.retry)];
      this.#ofRoute.set(route, interceptors);
    }
    return interceptors;
  }
}
