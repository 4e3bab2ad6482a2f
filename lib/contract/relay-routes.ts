import { CodecError, ProtocolError } from '../errors.js';
import type { CreditWindow } from '../limits.js';
import { raw, type Codec, type RegionCodec } from '../codec/codec.js';
import { joinBytes } from '../wire/frame.js';
import { MsgpackReader } from '../wire/msgpack/msgpack-reader.js';
import { required } from '../wire/payloads/control-map.js';
import { duplex, unary, type Duplex, type Unary } from './contract.js';
import { encodeHeader, lengthBytes, maxHostBytes, type RelayedCall } from './relayed-route.js';
import { namedHandler, reservedIds } from './reserved-ids.js';

/*
 * The two routes by which hosts make calls for others, as those who serve them know them. What a caller needs of them
 * is in relayed-route.ts.
 */

/** Bytes of a subroute in a header. */
const maxSubrouteBytes = 4 << 10;

/** The payload of the two routes: the length of the header in two bytes, the header, and the request. */
const relayedCall: Codec<RelayedCall> = {
  codec: 'relay',
  encode: (call) => joinBytes(encodeHeader(call), call.request),
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
 * The two contracts by which hosts relay calls: with the option `relay` a manager answers them. A host that names the
 * routes of its leaves lists these, too, for leaves that call others through it:
 * `leaves: { routes: [...Object.values(relayRoutes)] }`.
 */
// The type is written out, because TypeScript before 5.7 does not know the `Uint8Array<ArrayBufferLike>` of an inferred
// one.
export const relayRoutes: {
  /** Unary calls. */
  readonly unary: Unary<Codec<RelayedCall>, RegionCodec<Uint8Array>> & { readonly id: number };
  /** Streams. */
  readonly duplex: Duplex<Codec<RelayedCall>, RegionCodec<Uint8Array>, RegionCodec<Uint8Array>> & {
    readonly id: number;
  };
} = {
  unary: { ...unary({ ...common, response: raw }), id: reservedIds.relay.unary },
  duplex: { ...duplex({ ...common, input: raw, output: raw }), id: reservedIds.relay.duplex },
};

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
    p: () => (path = reader.string('p', maxSubrouteBytes)),
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
