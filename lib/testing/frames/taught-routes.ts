import type { Manager } from '../../endpoint/manager.js';
import type { Bound, Handler, HandleOptions, Registration } from '../../contract/handler.js';
import type { RouteBook } from './route-book.js';

type Register = (route: Bound['route'], handler: Bound['handler'], options?: HandleOptions) => Registration<Handler>;

/** Adds every route that gets a handler at `manager` from now on to `book`, so that transcripts name it. */
export function teachRoutes(manager: Manager, book: RouteBook): void {
  // The overloads check types only.
  const register = manager.handle.bind(manager) as unknown as Register;
  const handle: Register = (route, handler, options) => {
    const registration = register(route, handler, options);
    book.add(route);
    return registration;
  };
  Object.assign(manager, { handle });
}
