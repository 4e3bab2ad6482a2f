import { aFunction, checkOption, checkOptions, type Rule } from '../check.js';
import { ConfigurationError } from '../errors.js';
import type { FeedBounds } from '../flow/feed/feed.js';
import type { Limits } from '../limits.js';
import type { Responder } from '../mux/engine.js';
import { answerCalls } from '../mux/incoming-frames.js';
import type { CreateIncomingSide } from '../mux/incoming-side.js';
import type { Report } from '../observe.js';
import type { CallScope } from './call-context.js';
import type { AssumedCapacities } from '../contract/assumed-capacities.js';
import { checkId, toWindow, type Route } from '../contract/contract.js';
import { duplexResponder } from './duplex-dispatch.js';
import type { Bound, HandleOptions, Handler, RawHandler, Registration } from '../contract/handler.js';
import { listOfInterceptors, type HandlerInterceptor } from '../contract/interceptor.js';
import { eventOf } from './failure.js';
import { interceptedHandler, type RunHandler } from './intercepted-handler.js';
import { HandlerTable, type ServedRoute } from './handler-table.js';
import { unaryResponder } from './unary-dispatch.js';
import { rawWireRoute, type WireRoute, type WireRoutes } from '../contract/wire-route.js';

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

/** What answers the calls of the other sides of an endpoint. */
export interface Answering {
  readonly table: HandlerTable;
  /** Creates the part of each engine that does so. */
  readonly incoming: CreateIncomingSide;
}

/** What an endpoint offers to those who register handlers at it. */
export interface Serving {
  /** Set by the first {@link Registry}: an endpoint without one has none of the code that answers calls. */
  answering: Answering | undefined;
  readonly routes: WireRoutes;
  readonly context: DispatchContext;
}

const handleRules: Readonly<Record<keyof HandleOptions, Rule>> = { intercept: listOfInterceptors };

/** Registers handlers at an endpoint. */
export class Registry {
  readonly #table: HandlerTable;
  readonly #routes: WireRoutes;
  readonly #context: DispatchContext;

  constructor(serving: Serving) {
    serving.answering ??= { table: new HandlerTable(), incoming: answerCalls };
    this.#table = serving.answering.table;
    this.#routes = serving.routes;
    this.#context = serving.context;
  }

  /** The routes that have a handler, in the order in which these were registered. */
  get served(): readonly ServedRoute[] {
    return this.#table.served;
  }

  /** Registers a handler with its route. @throws ConfigurationError if the address already has one. */
  add({ route, handler, options = {} }: Bound): Registration<Handler> {
    checkHandler(route.name, handler);
    checkOptions(options, handleRules, { of: `Route ${route.name}` });
    return this.#add(this.#routes.of(route), handler, route as Route, this.#context, options.intercept);
  }

  /**
   * Registers a handler of opaque bytes. @throws ConfigurationError if the address is invalid or already has a handler.
   */
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

  #add(
    route: WireRoute,
    handler: Handler,
    contract: Route | undefined,
    context: DispatchContext,
    own: readonly HandlerInterceptor[] = [],
  ): Registration<Handler> {
    // The address is checked before anything of the route is counted.
    const entry = this.#table.add(route, contract, () => this.#responder(route, handler, context, own));
    let removed = false;
    return {
      remove: () => {
        if (removed) return;
        removed = true;
        entry.remove();
      },
      replace: (next) => {
        checkHandler(route.name, next);
        if (removed) {
          throw new ConfigurationError(
            `Route ${route.name}: its handler was removed. Register another one with handle(…).`,
          );
        }
        entry.set(this.#responder(route, next, context, own));
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
    const meter = this.#routes.meters?.of(route, 'handler');
    return (route.kind === 'unary' ? unaryResponder : duplexResponder)(route, run, context, meter);
  }
}

function checkHandler(route: string, handler: unknown): void {
  checkOption(`Route ${route}: the handler`, handler, aFunction('answers a call'));
}
