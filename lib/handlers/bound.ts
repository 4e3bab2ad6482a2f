import type { Route } from '../contract/contract.js';
import type { Group, HandlersOf, Routes } from '../contract/group.js';
import type { Bound, HandleOptions, Handler, HandlerOf, Registration } from '../contract/handler.js';
import { ConfigurationError } from '../errors.js';
import { Registry, type Serving } from './registry.js';

/** Pairs a route with its handler. */
export function bind<R extends Route>(route: R, handler: NoInfer<HandlerOf<R>>, options: HandleOptions = {}): Bound {
  const bound: Bound = {
    route,
    handler: handler as Handler,
    options,
    serve: (serving: Serving) => new Registry(serving).add(bound),
  };
  return bound;
}

/**
 * Pairs each route of a group with its handler. `handlers` may be an instance of a class: its methods keep it as
 * `this`, and it may have other fields and methods.
 *
 * @throws ConfigurationError where a handler is missing, or an object that is no instance of a class has one for no
 * route.
 */
export function bindAll<R extends Routes>(
  { name, routes }: Group<R>,
  handlers: NoInfer<HandlersOf<R>>,
  options: HandleOptions = {},
): Bound[] {
  const given = handlers as Readonly<Record<string, unknown>>;
  // The fields of an instance are its own business; in a literal, an unknown key is a misspelt route.
  for (const key of isLiteral(given) ? Object.keys(given) : []) {
    if (!Object.hasOwn(routes, key)) throw new ConfigurationError(`The group ${name} has no route ${key}.`);
  }
  return Object.entries(routes).map(([key, route]) => {
    const handler = given[key];
    if (typeof handler !== 'function') {
      throw new ConfigurationError(`The group ${name}: the handler of ${key} is missing.`);
    }
    return bind(route, handler.bind(handlers) as never, options);
  });
}

function isLiteral(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Registers the handlers of a group: all of them, or none. @throws ConfigurationError as `add` of a {@link Registry},
 * and {@link bindAll}.
 */
export function addAll(
  registry: Registry,
  ...[routes, handlers, options]: Parameters<typeof bindAll>
): Registration<HandlersOf<Routes>> {
  const registrations: Registration<Handler>[] = [];
  const remove = (): void => {
    for (const registration of registrations) registration.remove();
  };
  try {
    for (const bound of bindAll(routes, handlers, options)) registrations.push(registry.add(bound));
  } catch (error) {
    remove();
    throw error;
  }
  return {
    remove,
    replace: (next) => {
      const bound = bindAll(routes, next, options);
      registrations.forEach((registration, index) => {
        registration.replace(bound[index]!.handler);
      });
    },
  };
}
