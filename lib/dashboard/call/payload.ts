import { raw, type Codec } from '../../codec/codec.js';
import { msgpack } from '../../codec/msgpack-codec.js';
import { duplex, unary, type Duplex, type Unary } from '../../contract/contract.js';
import type { PayloadDescription, RouteDescription } from '../../monitor/index.js';
import { parseJson } from './json-value.js';

type AnyCodec = Codec<unknown>;

/** Elements of one value at most. */
const maxItems = 1 << 16;

/** Makes the contract of a unary route from its description. */
export function unaryOf(route: RouteDescription): Unary<AnyCodec, AnyCodec> {
  const contract = unary({
    name: route.name,
    request: codecOf(route.request),
    response: codecOf(route.response),
  });
  return { ...contract, ...addressOf(route) };
}

/** Makes the contract of a stream from its description. */
export function duplexOf(route: RouteDescription): Duplex<AnyCodec, AnyCodec | undefined, AnyCodec> {
  const { inWindow, outWindow } = route;
  const shapes = {
    name: route.name,
    request: codecOf(route.request),
    output: codecOf(route.output),
    // The page receives no more items ahead than it shows.
    outCapacity: Math.min(outWindow?.initial ?? 16, 64),
  };
  const contract =
    route.input === undefined
      ? duplex(shapes)
      : duplex({ ...shapes, input: codecOf(route.input), ...(inWindow === undefined ? {} : { inCapacity: inWindow }) });
  return { ...contract, ...addressOf(route) };
}

function addressOf({ id, subroute }: RouteDescription): { readonly id?: number; readonly subroute?: string } {
  return id === undefined ? {} : { id, ...(subroute === undefined ? {} : { subroute }) };
}

function codecOf(payload: PayloadDescription | undefined): AnyCodec {
  if (payload?.codec === 'msgpack') return msgpack({ maxItems });
  if (payload?.codec === 'json') return json;
  return raw;
}

const json: AnyCodec = {
  codec: 'json',
  encode: (value) => (value === undefined ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(value))),
  decode: (bytes) => (bytes.length === 0 ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as unknown)),
};

/** True where a payload is entered and shown as text: its encoding is the user's own, or none. */
export function isText(payload: PayloadDescription | undefined): boolean {
  return payload !== undefined && payload.codec !== 'msgpack' && payload.codec !== 'json';
}

/** The value of what was typed: bytes of a text where the payload is bytes, and else JSON. @throws Error */
export function typedValue(payload: PayloadDescription | undefined, text: string): unknown {
  return isText(payload) ? new TextEncoder().encode(text) : parseJson(text);
}
