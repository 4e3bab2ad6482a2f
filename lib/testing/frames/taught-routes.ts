import type { Manager } from '../../endpoint/manager.js';
import type { Bound } from '../../contract/handler.js';
import type { RouteBook } from './route-book.js';

type Register = (route: Bound['route'], handler: Bound['handler']) => void;

/** Adds every route that gets a handler at `manager` from now on to `book`, so that transcripts name it. */
export function teachRoutes(manager: Manager, book: RouteBook): void {
  // The overloads check types only.
  const register = manager.handle.bind(manager) as unknown as Register;
  const handle: Register = (route, handler) => {
    register(route, handler);
    book.add(route);
  };
  Object.assign(manager, { handle });
}
