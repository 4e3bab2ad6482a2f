import type { Manager } from '../../endpoint/manager.js';
import type { Bound, Handler, HandleOptions, Registration } from '../../contract/handler.js';
import type { Group, Routes } from '../../contract/group.js';
import type { RouteBook } from './route-book.js';

type Register = (route: Bound['route'], handler: Bound['handler'], options?: HandleOptions) => Registration<Handler>;
type RegisterAll = (group: Group<Routes>, handlers: object, options?: HandleOptions) => Registration<object>;

/** Adds every route that gets a handler at `manager` from now on to `book`, so that transcripts name it. */
export function teachRoutes(manager: Manager, book: RouteBook): void {
  // The overloads check types only.
  const register = manager.handle.bind(manager) as unknown as Register;
  const registerAll = manager.handleAll.bind(manager) as unknown as RegisterAll;
  const handle: Register = (route, handler, options) => {
    const registration = register(route, handler, options);
    book.add(route);
    return registration;
  };
  const handleAll: RegisterAll = (group, handlers, options) => {
    const registration = registerAll(group, handlers, options);
    for (const route of Object.values(group.routes)) book.add(route);
    return registration;
  };
  Object.assign(manager, { handle, handleAll });
}
