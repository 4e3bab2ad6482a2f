import { aFunction, checkOption, checkOptions, type Rule } from '../check.js';
import { ConfigurationError } from '../errors.js';
import type { FeedBounds } from '../flow/feed/feed.js';
import type { Limits } from '../limits.js';
import type { Responder } from '../mux/engine.js';
import type { Report } from '../observe.js';
import { subrouteId, subrouteKey } from '../wire/subroute.js';
import type { CallScope } from './call-context.js';
import { isRelay } from '../contract/relayed-route.js';
import type { AssumedCapacities } from '../contract/assumed-capacities.js';
import { checkId, toWindow, type Route } from '../contract/contract.js';
import { duplexResponder } from './duplex-dispatch.js';
import type { Bound, HandleOptions, Handler, RawHandler, Registration } from '../contract/handler.js';
import { listOfInterceptors, type HandlerInterceptor } from '../contract/interceptor.js';
import { bindAll, type HandlersOf, type Routes } from '../contract/group.js';
import { eventOf } from './failure.js';
import { interceptedHandler, type RunHandler } from './intercepted-handler.js';
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
  /** Interceptors of all handlers. Default: none. */
  readonly interceptors?: readonly HandlerInterceptor[] | undefined;
}

/** A route that has a handler. */
export interface ServedRoute {
  readonly route: WireRoute;
  /** Undefined for a handler of opaque bytes. */
  readonly contract: Route | undefined;
}
const handleRules: Readonly<Record<keyof HandleOptions, Rule>> = { intercept: listOfInterceptors };

/** The handlers of one endpoint, by address. */
export class Registry {
  readonly #routes: WireRoutes;
  readonly #context: DispatchContext;
  readonly #byId: (Responder | undefined)[] = new Array<Responder | undefined>(256).fill(undefined);
  readonly #bySubroute = new Map<string, Responder>();
  readonly #served = new Map<string, ServedRoute>();
  #revision = 0;

  constructor(routes: WireRoutes, context: DispatchContext) {
    this.#routes = routes;
    this.#context = context;
  }

  /** Registers a handler with its route. @throws ConfigurationError if the address already has one. */
  add({ route, handler, options = {} }: Bound): Registration<Handler> {
    checkHandler(route.name, handler);
    checkOptions(options, handleRules, { of: `Route ${route.name}` });
    return this.#add(this.#routes.of(route), handler, route as Route, this.#context, options.intercept);
  }

  /** Registers the handlers of a group: all of them, or none. @throws ConfigurationError as {@link add}, and `bindAll`. */
  addAll(...[routes, handlers, options]: Parameters<typeof bindAll>): Registration<HandlersOf<Routes>> {
    const registrations: Registration<Handler>[] = [];
    const remove = (): void => {
      for (const registration of registrations) registration.remove();
    };
    try {
      for (const bound of bindAll(routes, handlers, options)) registrations.push(this.add(bound));
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

  /** Registers a handler of opaque bytes. @throws ConfigurationError if the address is invalid or already has a handler. */
  addRaw(handler: RawHandler): Registration<RawHandler['handle']> {
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
    return this.#add(
      route,
      handler.handle.bind(handler) as Handler,
      undefined,
      this.#context,
    ) as Registration<unknown> as Registration<RawHandler['handle']>;
  }

  /** Changes whenever a route gets a handler, or loses it. */
  get revision(): number {
    return this.#revision;
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

  #add(
    route: WireRoute,
    handler: Handler,
    contract: Route | undefined,
    context: DispatchContext,
    own: readonly HandlerInterceptor[] = [],
  ): Registration<Handler> {
    const { handler: id, path, name } = route;
    const address = path === undefined ? String(id) : `${String(id)}/${path}`;
    const other = this.#served.get(address)?.route.name;
    if (other !== undefined) {
      throw new ConfigurationError(
        `Route ${name}: the route ${other} already has a handler at this address (${address}). Give one of them another id or subroute.`,
      );
    }
    this.#served.set(address, { route, contract });
    this.#revision++;
    const set = (responder: Responder | undefined): void => {
      if (path === undefined) this.#byId[id] = responder;
      else if (responder === undefined) this.#bySubroute.delete(subrouteKey(subrouteId(id, path)));
      else this.#bySubroute.set(subrouteKey(subrouteId(id, path)), responder);
    };
    set(this.#responder(route, handler, context, own));
    let removed = false;
    return {
      remove: () => {
        if (removed) return;
        removed = true;
        this.#served.delete(address);
        this.#revision++;
        set(undefined);
      },
      replace: (next) => {
        checkHandler(route.name, next);
        if (removed) {
          throw new ConfigurationError(`Route ${name}: its handler was removed. Register another one with handle(…).`);
        }
        set(this.#responder(route, next, context, own));
      },
    };
  }

  #responder(
    route: WireRoute,
    handler: Handler,
    context: DispatchContext,
    own: readonly HandlerInterceptor[],
  ): Responder {
    const { interceptors = [] } = context;
    const run = interceptedHandler(route, handler as RunHandler, [...interceptors, ...own], (error, call) => {
      context.report(eventOf(error, { route: route.name, caller: call.caller }));
    });
    const meter = this.#routes.meters.of(route, 'handler');
    return (route.kind === 'unary' ? unaryResponder : duplexResponder)(route, run, context, meter);
  }
}

function checkHandler(route: string, handler: unknown): void {
  checkOption(`Route ${route}: the handler`, handler, aFunction('answers a call'));
}
