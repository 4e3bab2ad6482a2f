import type { Connection } from '../contract/connection.js';
import type { Duplex, Route, Unary } from '../contract/contract.js';
import { at, type Api, type ApiOf, type Group, type Routes } from '../contract/group.js';

/** The routes of a group as functions that call them over `connection`. */
export function apiOf<R extends Routes>(connection: Connection, { routes }: Group<R>): Api<R> {
  return Object.fromEntries(
    Object.entries(routes).map(([key, route]) => [key, callerOf(connection, route)]),
  ) as unknown as Api<R>;
}

/** A route at a subroute as a function that calls it over `connection`; a group as its functions. */
export function atSubroute(connection: Connection, target: Route | Group<Routes>, subroute: string): unknown {
  return 'kind' in target ? callerOf(connection, at(target, subroute)) : apiOf(connection, at(target, subroute));
}

// The types of the functions are those of ApiOf.
function callerOf(connection: Connection, route: Route): ApiOf<Route> {
  const caller =
    route.kind === 'unary'
      ? (...[value, options]: AnyArguments) => connection.request(route as Unary<never, never>, value, options)
      : route.input === undefined
        ? (...[value, options]: AnyArguments) =>
            connection.stream(route as Duplex<never, undefined, never>, value, options)
        : (...[value, input, options]: [never, never, never]) =>
            connection.exchange(route as Duplex<never, never, never>, value, input, options);
  return caller as unknown as ApiOf<Route>;
}

type AnyArguments = [value: never, options: never];
