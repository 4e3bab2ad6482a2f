import { msgpack } from '../routes/msgpack-codec.js';
import type { PayloadCodec } from '../routes/codec.js';
import type { Bound } from '../routes/handler.js';
import { toAddress, WireRoutes, type WireRoute } from '../routes/wire-route.js';
import { createSubrouteHash, subrouteKey, type SubrouteHash } from '../wire/subroute.js';

/** The routes that a test knows: so a transcript has names instead of handler ids, and values instead of bytes. */
export class RouteBook {
  readonly codec: PayloadCodec;
  readonly #routes: WireRoutes;
  readonly #known = new Map<string, WireRoute>();
  readonly #unnamed: WireRoute[] = [];
  #hash: SubrouteHash | undefined = undefined;

  constructor(codec: PayloadCodec = msgpack()) {
    this.codec = codec;
    this.#routes = new WireRoutes(codec);
  }

  /** Compiles the hash of subroutes. Until then routes with one are not found. */
  async prepare(): Promise<void> {
    this.#hash = await createSubrouteHash();
    for (const route of this.#unnamed.splice(0)) this.#note(route);
  }

  /** The wire form of a contract, which is known from now on. */
  add(contract: Bound['route']): WireRoute {
    const route = this.#routes.of(contract);
    this.#note(route);
    return route;
  }

  /** The route of a Request or a ConnectMux. */
  find(handler: number, subroute: Uint8Array | undefined): WireRoute | undefined {
    return this.#known.get(subroute === undefined ? String(handler) : subrouteKey(subroute));
  }

  #note(route: WireRoute): void {
    if (route.path === undefined) {
      this.#known.set(String(route.handler), route);
    } else if (this.#hash === undefined) {
      this.#unnamed.push(route);
    } else {
      this.#known.set(subrouteKey(toAddress(route, this.#hash).subroute!), route);
    }
  }
}
