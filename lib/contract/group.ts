import type { Observable } from 'rxjs';
import { ConfigurationError } from '../errors.js';
import type { Received, SentItem, Shape, TypeOnly } from '../codec/codec.js';
import type { CallObservable } from '../flow/call-observable.js';
import type { Input, Payload } from './connection.js';
import { describeRoute, type Duplex, type Route, type Unary } from './contract.js';
import type { HandlerOf } from './handler.js';
import type { CallOptions } from './options.js';

/** Routes by key. */
export type Routes = Readonly<Record<string, Route>>;

/** Routes that belong together, such as those of one service. Made by {@link group}. */
export interface Group<R extends Routes> {
  readonly name: string;
  /** The routes, each with its name. */
  readonly routes: R;
}

/** The handlers of a group: one for each of its routes. `class Store implements HandlersOf<typeof store.routes>`. */
export type HandlersOf<R extends Routes> = { readonly [Key in keyof R]: HandlerOf<R[Key]> };

/** How a route is called as a function. */
export type ApiOf<R> =
  R extends Unary<infer Q, infer P>
    ? (...request: RequestArguments<Q>) => Observable<Received<P>>
    : R extends Duplex<infer Q, infer I, infer O>
      ? I extends Shape
        ? (value: Payload<Q>, input: Input<SentItem<I>>, options?: CallOptions) => CallObservable<Received<O>>
        : (...request: RequestArguments<Q>) => CallObservable<Received<O>>
      : never;

/** The routes of a group as functions. */
export type Api<R extends Routes> = { readonly [Key in keyof R]: ApiOf<R[Key]> };

type RequestArguments<Q extends Shape> = [Q] extends [TypeOnly<void>]
  ? [value?: undefined, options?: CallOptions]
  : [value: Payload<Q>, options?: CallOptions];

/**
 * Routes that are declared within the call of `group`. It names no shapes: a declaration would take those that are
 * expected here for its own, where it leaves one out.
 */
type RoutesToGroup = Readonly<Record<string, Pick<Route, 'kind' | 'name'>>>;
type RoutesOf<R> = R extends Routes ? R : never;

/**
 * Groups routes under a name: `group('store', { put, get, watch })`. A route that is declared without a name is named
 * after the group and its key: `store.put`. Take the routes from the group then, as `store.routes.put`.
 *
 * @throws ConfigurationError where the name or a key is empty, or two routes have one address.
 */
export function group<const R extends RoutesToGroup>(name: string, routes: R): Group<RoutesOf<R>> {
  if (typeof name !== 'string' || name === '') throw new ConfigurationError('A group of routes needs a name.');
  const named: Record<string, Route> = {};
  const keyByAddress = new Map<string, string>();
  for (const [key, route] of Object.entries(routes as unknown as Routes)) {
    if (key === '') throw new ConfigurationError(`The group ${name} has a route with an empty key.`);
    const member: Route = route.name === '' ? { ...route, name: `${name}.${key}` } : route;
    const address = addressText(member);
    const other = keyByAddress.get(address);
    if (other !== undefined) {
      throw new ConfigurationError(
        `The group ${name}: ${other} and ${key} have the same address (${address}). Give one of them another id, name or subroute.`,
      );
    }
    keyByAddress.set(address, key);
    named[key] = member;
  }
  return { name, routes: Object.freeze(named) as RoutesOf<R> };
}

/** Routes at a subroute that are kept for each route; what is used least recently is made again. */
const maxSubroutes = 1_024;
const subroutes = new WeakMap<object, Map<string, Route>>();

/**
 * The same route at a subroute: `at(diskInfo, 'disk1')`. A group gives all of its routes at that subroute.
 *
 * @throws ConfigurationError for an empty subroute, and a route that has one already.
 */
export function at<R extends Route>(route: R, subroute: string): R;
export function at<R extends Routes>(routes: Group<R>, subroute: string): Group<R>;
export function at(target: Route | Group<Routes>, subroute: string): Route | Group<Routes> {
  if ('kind' in target) return routeAt(target, subroute);
  const entries = Object.entries(target.routes).map(([key, route]) => [key, routeAt(route, subroute)] as const);
  return { name: target.name, routes: Object.fromEntries(entries) };
}

function routeAt(route: Route, subroute: string): Route {
  if (route.name === '')
    throw new ConfigurationError('A route without a name has no subroutes. Take it from its group.');
  if (route.subroute !== undefined) {
    throw new ConfigurationError(`Route ${describeRoute(route)} has a subroute already.`);
  }
  if (typeof subroute !== 'string' || subroute === '') {
    throw new ConfigurationError(`Route ${route.name}: a subroute must be a text that is not empty.`);
  }
  let known = subroutes.get(route);
  if (known === undefined) subroutes.set(route, (known = new Map<string, Route>()));
  // One object for each subroute: an endpoint resolves each contract once.
  const found = known.get(subroute) ?? { ...route, subroute };
  known.delete(subroute);
  known.set(subroute, found);
  const [oldest] = known.keys();
  if (known.size > maxSubroutes) known.delete(oldest!);
  return found;
}

function addressText({ id, name, subroute }: Route): string {
  const path = subroute === undefined ? '' : `/${subroute}`;
  // Quoted, so that a name which is a number is no id.
  return id === undefined ? JSON.stringify(name + path) : `id ${String(id)}${path}`;
}
