import { msgpack } from '../../codec/msgpack-codec.js';
import type { PayloadCodec } from '../../codec/codec.js';
import type { Bound } from '../../contract/handler.js';
import { toAddress, WireRoutes } from '../../contract/wire-route.js';
import { subrouteKey } from '../../wire/subroute.js';
import type { KnownRoute } from './known-route.js';

/**
 * The routes of a test, by handler id and subroute: a transcript shows their names in place of ids, and decoded values
 * in place of bytes.
 */
export class RouteBook {
  readonly codec: PayloadCodec;
  readonly #routes: WireRoutes;
  readonly #known = new Map<string, KnownRoute>();

  constructor(codec: PayloadCodec = msgpack()) {
    this.codec = codec;
    this.#routes = new WireRoutes(codec);
  }

  /** Adds a contract. */
  add(contract: Bound['route']): KnownRoute {
    const route = this.#routes.of(contract);
    const { handler, subroute } = toAddress(route);
    this.#known.set(keyOf(handler, subroute), route);
    return route;
  }

  /** The route of a Request or a ConnectMux. */
  find(handler: number, subroute: Uint8Array | undefined): KnownRoute | undefined {
    return this.#known.get(keyOf(handler, subroute));
  }
}

function keyOf(handler: number, subroute: Uint8Array | undefined): string {
  return subroute === undefined ? String(handler) : subrouteKey(subroute);
}
