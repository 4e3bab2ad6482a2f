import { ConfigurationError } from '../errors.js';
import { namedHandler, reservedIds } from '../contract/reserved-ids.js';
import { isRelay } from '../contract/relayed-route.js';
import type { Route } from '../contract/contract.js';
import type { WireRoute } from '../contract/wire-route.js';
import type { Responder } from '../mux/engine.js';
import { subrouteId, subrouteKey } from '../wire/subroute.js';

/** A route that has a handler. */
export interface ServedRoute {
  readonly route: WireRoute;
  /** Undefined for a handler of opaque bytes. */
  readonly contract: Route | undefined;
}

/** A place in a {@link HandlerTable}. */
export interface HandlerEntry {
  /** Puts another responder in its place. */
  set(responder: Responder): void;
  remove(): void;
}

/** What answers the calls of the other sides of one endpoint, by address. It knows nothing of how handlers run. */
export class HandlerTable {
  readonly #byId: (Responder | undefined)[] = new Array<Responder | undefined>(256).fill(undefined);
  readonly #bySubroute = new Map<string, Responder>();
  readonly #served = new Map<string, ServedRoute>();
  #revision = 0;

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
      return 'The host that should pass the call on makes no calls for others. Give its Manager the option relay: { authorize }, or call the other host directly.';
    }
    if (handler === reservedIds.files) {
      return 'This host serves no files here. Call serveFiles(manager, { root }) there; both are in rxgrid/node.';
    }
    if (subroute === undefined) {
      return `No handler for id ${String(handler)}. Register one there with handle(…), and check that both sides declare the route with the same id.`;
    }
    return handler === namedHandler
      ? 'No handler for a route of this name. Register one there with handle(…), and check that both sides declare the route with the same name and subroute, and without an id.'
      : `No handler for this subroute of id ${String(handler)}. Register one there with handle(…), and check that both sides declare the route with the same id and subroute.`;
  }

  /**
   * Adds what answers the calls of a route; it is made once the address is known to be free. @throws ConfigurationError
   * if the address is taken.
   */
  add(route: WireRoute, contract: Route | undefined, responder: () => Responder): HandlerEntry {
    const { handler: id, path, name } = route;
    const address = path === undefined ? String(id) : `${String(id)}/${path}`;
    const other = this.#served.get(address)?.route.name;
    if (other !== undefined) {
      throw new ConfigurationError(
        id === namedHandler
          ? `Route ${name}: a route of this name already has a handler. Give one of them another name or subroute.`
          : `Route ${name}: the route ${other} already has a handler at this address (${address}). Give one of them another id or subroute.`,
      );
    }
    const first = responder();
    this.#served.set(address, { route, contract });
    this.#revision++;
    const set = (next: Responder | undefined): void => {
      if (path === undefined) this.#byId[id] = next;
      else if (next === undefined) this.#bySubroute.delete(subrouteKey(subrouteId(id, path)));
      else this.#bySubroute.set(subrouteKey(subrouteId(id, path)), next);
    };
    set(first);
    return {
      set,
      remove: () => {
        this.#served.delete(address);
        this.#revision++;
        set(undefined);
      },
    };
  }
}
