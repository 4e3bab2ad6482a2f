import type { Route } from '../contract/contract.js';
import type { Group, HandlersOf, Routes } from '../contract/group.js';
import type { HandleOptions, HandlerOf, Handles, RawHandler, Registration } from '../contract/handler.js';
import { addAll, bind } from '../handlers/bound.js';
import type { ServedRoute } from '../handlers/handler-table.js';
import type { Registry } from '../handlers/registry.js';

/** The registration of handlers, as a host offers it. */
export abstract class Serving implements Handles {
  /** @internal Its declaration would bring those of half the code along. */
  protected abstract readonly registry: Registry;

  /** Registers the handler of a route. @throws ConfigurationError if the route already has one. */
  handle<R extends Route>(
    route: R,
    handler: NoInfer<HandlerOf<R>>,
    options?: HandleOptions,
  ): Registration<NoInfer<HandlerOf<R>>> {
    return this.registry.add(bind(route, handler, options));
  }

  /**
   * Registers the handlers of a group, one for each of its routes: all of them, or none.
   *
   * @throws ConfigurationError if a route already has one, a handler is missing, or there is one for no route.
   */
  handleAll<R extends Routes>(
    routes: Group<R>,
    handlers: NoInfer<HandlersOf<R>>,
    options?: HandleOptions,
  ): Registration<NoInfer<HandlersOf<R>>> {
    return addAll(this.registry, routes, handlers, options);
  }

  /**
   * Registers a handler of opaque bytes. @throws ConfigurationError if its address is invalid or already has a handler.
   */
  handleRaw(handler: RawHandler): Registration<RawHandler['handle']> {
    return this.registry.addRaw(handler);
  }

  /** @internal The routes that have a handler. */
  servedRoutes(): readonly ServedRoute[] {
    return this.registry.served;
  }
}
