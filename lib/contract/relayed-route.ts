import { ConfigurationError } from '../errors.js';
import type { CreditWindow } from '../limits.js';
import { joinBytes } from '../wire/frame.js';
import { MsgpackWriter } from '../wire/msgpack/msgpack-writer.js';
import { reservedIds } from './reserved-ids.js';
import { WireRoutes, type WireRoute } from './wire-route.js';
import type { CallMeter } from '../metrics/call-meter.js';

/*
 * Calls that one host makes for another: `connection.via(host)`. Such a call goes to the relaying host as a call of one
 * of two routes. Their request is a header, which names the host and the route to be called, followed by the request
 * itself. The payloads of both directions are passed on as they are.
 */

/** What a relaying host needs to know of a call. */
export interface RelayedCall {
  /** Name of the host that is called. */
  readonly host: string;
  /** Address of the route there: the handler id, and the text of the subroute. */
  readonly handler: number;
  readonly path: string | undefined;
  /** Window of the caller for the output; undefined for a unary call. */
  readonly outWindow: Required<CreditWindow> | undefined;
  /** True where the call has an input. */
  readonly hasInput: boolean;
  /** The request itself. */
  readonly request: Uint8Array;
}

/** Bytes of the name of a host in a header. */
export const maxHostBytes = 1 << 10;
/** Bytes of the length of a header. */
export const lengthBytes = 2;

/** True for the handler id of a relay route. */
export function isRelay(handler: number): boolean {
  return handler === reservedIds.relay.unary || handler === reservedIds.relay.duplex;
}

/** The routes of an endpoint, for calls that the host at the other end of a connection relays to `host`. */
export class RelayedRoutes extends WireRoutes {
  readonly #direct: WireRoutes;
  readonly #host: string;
  readonly #relayed = new WeakMap<WireRoute, WireRoute>();

  /** @throws ConfigurationError where the calls would be relayed already, and for a host that is no name. */
  constructor(direct: WireRoutes, host: string) {
    super(direct.codec);
    if (direct instanceof RelayedRoutes) {
      throw new ConfigurationError(
        `A call to ${host} via ${direct.#host} would be relayed twice. The hosts of a mesh reach each other directly: call connection.via('${host}') of the first connection.`,
      );
    }
    if (typeof host !== 'string' || host === '' || new TextEncoder().encode(host).length > maxHostBytes) {
      throw new ConfigurationError(`via() needs the name of a host, such as 'http://10.0.0.1:9000'.`);
    }
    this.#direct = direct;
    this.#host = host;
  }

  override callMeter(route: WireRoute): CallMeter {
    return this.#direct.callMeter(route);
  }

  override of(contract: Parameters<WireRoutes['of']>[0]): WireRoute {
    const route = this.#direct.of(contract);
    let relayed = this.#relayed.get(route);
    if (relayed === undefined) {
      relayed = relayedRoute(route, this.#host);
      this.#relayed.set(route, relayed);
    }
    return relayed;
  }
}

function relayedRoute(route: WireRoute, host: string): WireRoute {
  const { handler, path, outWindow, input, request } = route;
  // The same for all calls.
  const header = encodeHeader({ host, handler, path, outWindow, hasInput: input !== undefined });
  return {
    ...route,
    handler: reservedIds.relay[route.kind],
    path: undefined,
    request: { ...request, encode: (value) => joinBytes(header, request.encode(value)) },
  };
}

/** The header of a relayed call, behind its length. */
export function encodeHeader({ host, handler, path, outWindow, hasInput }: Omit<RelayedCall, 'request'>): Uint8Array {
  const entries = 3 + (path === undefined ? 0 : 1) + (outWindow === undefined ? 0 : 3);
  const writer = new MsgpackWriter().map(entries).string('t').string(host).string('h').uint(handler);
  writer.string('i').boolean(hasInput);
  if (path !== undefined) writer.string('p').string(path);
  if (outWindow !== undefined) {
    writer.string('w').uint(outWindow.initial).string('m').uint(outWindow.max).string('b').uint(outWindow.maxBytes);
  }
  const header = writer.finish();
  const bytes = new Uint8Array(lengthBytes + header.length);
  new DataView(bytes.buffer).setUint16(0, header.length);
  bytes.set(header, lengthBytes);
  return bytes;
}
