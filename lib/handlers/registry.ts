import { aFunction, checkOption } from '../check.js';
import { ConfigurationError } from '../errors.js';
import type { FeedBounds } from '../flow/feed.js';
import type { Limits } from '../limits.js';
import type { Responder } from '../mux/engine.js';
import type { Report } from '../observe.js';
import { subrouteId, subrouteKey } from '../wire/subroute.js';
import type { CallScope } from './call-context.js';
import { isRelay } from '../contract/relayed-route.js';
import type { AssumedCapacities } from '../contract/assumed-capacities.js';
import { checkId, toWindow, type Route } from '../contract/contract.js';
import { duplexResponder } from './duplex-dispatch.js';
import type { Bound, Handler, RawHandler } from '../contract/handler.js';
import { unaryResponder } from './unary-dispatch.js';
import { namedHandler, rawWireRoute, type WireRoute, type WireRoutes } from '../contract/wire-route.js';

/** What running handlers need from their endpoint. */
export interface DispatchContext extends CallScope {
  readonly report: Report;
  readonly limits: Limits;
  readonly bounds: FeedBounds;
  readonly assumed: AssumedCapacities;
  /** True: leaves get the texts of undeclared errors. Default false. */
  readonly exposeErrors?: boolean;
}

/** A route that has a handler. */
export interface ServedRoute {
  readonly route: WireRoute;
  /** Undefined for a handler of opaque bytes. */
  readonly contract: Route | undefined;
}

/** The handlers of one endpoint, by address. */
export class Registry {
  readonly #routes: WireRoutes;
  readonly #context: DispatchContext;
  readonly #byId: (Responder | undefined)[] = new Array<Responder | undefined>(256).fill(undefined);
  readonly #bySubroute = new Map<string, Responder>();
  readonly #served = new Map<string, ServedRoute>();

  constructor(routes: WireRoutes, context: DispatchContext) {
    this.#routes = routes;
    this.#context = context;
  }

  /**
   * Registers a handler with its route. `exposeErrors`: leaves get the texts of its undeclared errors; default as the
   * endpoint's. @throws ConfigurationError if the address already has one.
   */
  add({ route, handler }: Bound, exposeErrors = this.#context.exposeErrors === true): void {
    checkOption(`Route ${route.name}: the handler`, handler, aFunction('answers a call'));
    this.#add(this.#routes.of(route), handler, route as Route, { ...this.#context, exposeErrors });
  }

  /** Registers a handler of opaque bytes. @throws ConfigurationError if the address is invalid or already has a handler. */
  addRaw(handler: RawHandler): void {
    const what = `Handler ${String(handler.id)}`;
    checkId(handler.id, what);
    if (handler.subroute === '') {
      throw new ConfigurationError(`${what}: a subroute must not be empty. Leave it out, or give it a name.`);
    }
    const duplex = handler.kind === 'duplex' ? handler : undefined;
    const route = rawWireRoute(
      handler.kind,
      handler.id,
      handler.subroute,
      duplex?.inCapacity === undefined ? undefined : toWindow(duplex.inCapacity, `${what}: inCapacity`),
      duplex === undefined ? undefined : toWindow(duplex.outCapacity, `${what}: outCapacity`),
      this.#routes.codec,
    );
    this.#add(route, handler.handle.bind(handler) as Handler, undefined, this.#context);
  }

  /** The routes that have a handler, in the order in which these were registered. */
  get served(): readonly ServedRoute[] {
    return [...this.#served.values()];
  }

  /** Finds the responder for a call. A string is the reason for refusing the call. */
  find(handler: number, subroute: Uint8Array | undefined): Responder | string {
    const found = subroute === undefined ? this.#byId[handler] : this.#bySubroute.get(subrouteKey(subroute));
    if (found !== undefined) return found;
    if (isRelay(handler)) {
      return 'This host makes no calls for others. Give its Manager the option relay: { authorize }, and call it directly otherwise.';
    }
    if (subroute === undefined) {
      return `No handler for id ${String(handler)}. Register one there with handle(…), and check that both sides declare the route with the same id.`;
    }
    return handler === namedHandler
      ? 'No handler for a route of this name. Register one there with handle(…), and check that both sides declare the route with the same name and subroute, and without an id.'
      : `No handler for this subroute of id ${String(handler)}. Register one there with handle(…), and check that both sides declare the route with the same id and subroute.`;
  }

  #add(route: WireRoute, handler: Handler, contract: Route | undefined, context: DispatchContext): void {
    const { handler: id, path, name } = route;
    const address = path === undefined ? String(id) : `${String(id)}/${path}`;
    const other = this.#served.get(address)?.route.name;
    if (other !== undefined) {
      throw new ConfigurationError(
        `Route ${name}: the route ${other} already has a handler at this address (${address}). Give one of them another id or subroute.`,
      );
    }
    this.#served.set(address, { route, contract });
    const run = handler as (request: unknown, call: unknown) => unknown;
    const meter = this.#routes.meters.of(route, 'handler');
    const respond = route.kind === 'unary' ? unaryResponder : duplexResponder;
    const responder = respond(route, run, context, meter);
    if (path === undefined) this.#byId[id] = responder;
    else this.#bySubroute.set(subrouteKey(subrouteId(id, path)), responder);
  }
}
