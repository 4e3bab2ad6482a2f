import type { Group, Routes } from '../../contract/group.js';
import type { Bound, Handler, HandleOptions, Handles, Registration } from '../../contract/handler.js';
import type { Manager } from '../../endpoint/manager.js';
import { addAll, type bindAll } from '../../handlers/bound.js';
import type { Registry } from '../../handlers/registry.js';
import type { RouteBook } from './route-book.js';

type Register = (route: Bound['route'], handler: Bound['handler'], options?: HandleOptions) => Registration<Handler>;
type RegisterAll = (group: Group<Routes>, handlers: object, options?: HandleOptions) => Registration<object>;

/** The methods of {@link Handles} that register handlers in `registry`, and add their routes to `book`. */
export function taughtHandles(
  registry: Registry,
  book: RouteBook,
): Pick<Handles, 'handle' | 'handleAll' | 'handleRaw'> {
  return {
    ...taught(
      (route, handler, options = {}) => registry.add({ route, handler, options }),
      (...handlers) => addAll(registry, ...(handlers as Parameters<typeof bindAll>)),
      book,
    ),
    handleRaw: (handler) => registry.addRaw(handler),
  };
}

/** Adds every route that gets a handler at `manager` from now on to `book`, so that transcripts name it. */
export function teachRoutes(manager: Manager, book: RouteBook): void {
  const register = manager.handle.bind(manager) as unknown as Register;
  const registerAll = manager.handleAll.bind(manager) as unknown as RegisterAll;
  Object.assign(manager, taught(register, registerAll, book));
}

function taught(register: Register, registerAll: RegisterAll, book: RouteBook): Pick<Handles, 'handle' | 'handleAll'> {
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
  return { handle, handleAll };
}
