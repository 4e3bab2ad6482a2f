import { CodecError, ConfigurationError, ProtocolError } from '../errors.js';
import type { CreditWindow } from '../limits.js';
import { raw, type Codec, type RegionCodec } from '../codec/codec.js';
import { MsgpackReader } from '../wire/msgpack/msgpack-reader.js';
import { MsgpackWriter } from '../wire/msgpack/msgpack-writer.js';
import { required } from '../wire/payloads/control-map.js';
import { duplex, unary, type Duplex, type Unary } from './contract.js';
import { namedHandler, WireRoutes, type WireRoute } from './wire-route.js';
import type { RouteMeter } from '../metrics/route-meter.js';

/*
 * Calls that one host makes for another: `connection.via(host)`. Such a call goes to the relaying host as a call of one of
 * two routes. Their request is a header, which names the host and the route to be called, followed by the request itself. The
 * payloads of both directions are passed on as they are.
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

/** Bytes of the name of a host, and of a subroute, in a header. */
const maxHostBytes = 1 << 10;
const maxPathBytes = 4 << 10;
const lengthBytes = 2;

/** The payload of the two routes: the length of the header in two bytes, the header, and the request. */
const relayedCall: Codec<RelayedCall> = {
  codec: 'relay',
  encode: (call) => joined(encodeHeader(call), call.request),
  decode: (bytes) => {
    try {
      return decodeCall(bytes);
    } catch (error) {
      // A fault of the caller of this call, not of its connection.
      if (error instanceof ProtocolError) throw new CodecError(error.message, { cause: error });
      throw error;
    }
  },
};

const common = { name: 'relay', request: relayedCall } as const;

/**
 * The two contracts by which hosts relay calls: with the option `relay` a manager answers them. A host that names the routes
 * of its leaves lists these, too, for leaves that call others through it: `leaves: { routes: [...Object.values(relayRoutes)] }`.
 */
// The type is written out, because TypeScript before 5.7 does not know the `Uint8Array<ArrayBufferLike>` of an inferred one.
export const relayRoutes: {
  /** Unary calls. */
  readonly unary: Unary<Codec<RelayedCall>, RegionCodec<Uint8Array>> & { readonly id: number };
  /** Streams. */
  readonly duplex: Duplex<Codec<RelayedCall>, RegionCodec<Uint8Array>, RegionCodec<Uint8Array>> & {
    readonly id: number;
  };
} = {
  unary: { ...unary({ ...common, response: raw }), id: 243 },
  duplex: { ...duplex({ ...common, input: raw, output: raw }), id: 244 },
};

/** True for the handler id of a relay route. */
export function isRelay(handler: number): boolean {
  return handler === relayRoutes.unary.id || handler === relayRoutes.duplex.id;
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

  override callMeter(route: WireRoute): RouteMeter {
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
    handler: relayRoutes[route.kind].id,
    path: undefined,
    request: { ...request, encode: (value) => joined(header, request.encode(value)) },
  };
}

function encodeHeader({ host, handler, path, outWindow, hasInput }: Omit<RelayedCall, 'request'>): Uint8Array {
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

function decodeCall(bytes: Uint8Array): RelayedCall {
  const end =
    lengthBytes + (bytes.length < lengthBytes ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint16(0));
  if (bytes.length < end) throw new CodecError('The header of a relayed call is cut off.');
  const reader = new MsgpackReader(bytes.subarray(lengthBytes, end), 'The header of a relayed call');
  let host: string | undefined;
  let handler: number | undefined;
  let path: string | undefined;
  let hasInput = false;
  let initial: number | undefined;
  let max: number | undefined;
  let maxBytes: number | undefined;
  const readers: Readonly<Record<string, () => unknown>> = {
    t: () => (host = reader.string('t', maxHostBytes)),
    h: () => (handler = reader.uint('h')),
    p: () => (path = reader.string('p', maxPathBytes)),
    i: () => (hasInput = reader.boolean('i')),
    w: () => (initial = reader.uint('w')),
    m: () => (max = reader.uint('m')),
    b: () => (maxBytes = reader.uint('b')),
  };
  reader.map('the header', (key) => {
    if (!Object.hasOwn(readers, key)) return false;
    readers[key]!();
    return true;
  });
  reader.end();
  const id = required(reader, 'h', handler);
  if (id > 0xff) throw reader.fault(`the handler id is ${id}`);
  if (id === namedHandler && (path === undefined || path === ''))
    throw reader.fault('the name of the route is missing');
  return {
    host: required(reader, 't', host),
    handler: id,
    path,
    hasInput,
    outWindow: windowOf(initial, max, maxBytes),
    request: bytes.subarray(end),
  };
}

const maxItems = 0x7fff_ffff;

// Numbers of another side: brought into the range of a window.
function windowOf(initial?: number, max?: number, maxBytes?: number): Required<CreditWindow> | undefined {
  if (initial === undefined || max === undefined || maxBytes === undefined) return undefined;
  const least = Math.min(Math.max(1, initial), maxItems);
  return {
    initial: least,
    max: Math.min(Math.max(least, max), maxItems),
    maxBytes: Math.min(Math.max(1, maxBytes), maxItems),
  };
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}
