import type { StandardSchemaV1 } from '@standard-schema/spec';
import { CodecError, DisconnectedError, RefusedError } from '../errors.js';
import type { CreditWindow } from '../limits.js';
import { RouteMeters, type RouteMeter } from '../metrics/route-meter.js';
import type { Address } from '../mux/engine.js';
import { subrouteId } from '../wire/subroute.js';
import type { RegionForm } from '../codec/region-item.js';
import { raw, type RegionCodec, type Codec, type PayloadCodec, type Shape } from '../codec/codec.js';
import { describeRoute, isNothing, type Duplex, type Route, type RouteBase, type Unary } from './contract.js';

/** A route resolved for calls and dispatch: its address, and a codec for each of its payloads. */
export interface WireRoute {
  /** Name of the route in errors and events. */
  readonly name: string;
  readonly kind: Route['kind'];
  /** Handler id: that of the route, or {@link namedHandler}. */
  readonly handler: number;
  /** Text of the subroute on the wire; undefined if the id alone is the address. */
  readonly path: string | undefined;
  /** Subroute of the contract; part of the path. */
  readonly subroute: string | undefined;
  readonly idempotent: boolean;
  /** True if the first item of a unary handler's Observable is the response. */
  readonly takesFirst: boolean;
  readonly request: Codec<unknown>;
  /** Response of a unary route, output of a duplex one. */
  readonly output: Codec<unknown>;
  /** False for a duplex route without an output, whose handler may return nothing. */
  readonly hasOutput: boolean;
  /** Undefined if there is no input. */
  readonly input: Codec<unknown> | undefined;
  readonly inWindow: Required<CreditWindow> | undefined;
  readonly outWindow: Required<CreditWindow> | undefined;
  /** How the input and the output carry file bytes; undefined if they carry none. */
  readonly regionInput: RegionForm | undefined;
  readonly regionOutput: RegionForm | undefined;
  /** Counters of the calls that this endpoint makes; undefined until the first call. */
  callMeter?: RouteMeter;
}

/** Handler id of all routes without an id: their subroute is the route's name. */
export const namedHandler = 255;

/** Resolves a contract to a {@link WireRoute}. Shapes that are not codecs themselves use `codec`. */
export function toWireRoute(route: Route, codec: PayloadCodec): WireRoute {
  const { handler, path } = addressOf(route);
  const name = describeRoute(route);
  const duplex = route.kind === 'duplex' ? route : undefined;
  return {
    name,
    kind: route.kind,
    handler,
    path,
    subroute: route.subroute,
    idempotent: route.idempotent ?? false,
    takesFirst: route.kind === 'unary' && route.takeFirst === true,
    request: codecOf(route.request, codec, `${name}: the request`),
    output: codecOf(
      route.kind === 'unary' ? route.response : route.output,
      codec,
      `${name}: the ${route.kind === 'unary' ? 'response' : 'output'}`,
      true,
    ),
    hasOutput: duplex === undefined || !isNothing(duplex.output),
    input: duplex?.input === undefined ? undefined : codecOf(duplex.input, codec, `${name}: the input`),
    inWindow: duplex?.inWindow,
    outWindow: duplex?.outWindow,
    regionInput: duplex?.input === undefined ? undefined : regionFormOf(duplex.input),
    regionOutput: duplex === undefined ? undefined : regionFormOf(duplex.output),
  };
}

/** Creates a route whose payloads are all opaque bytes. */
export function rawWireRoute(
  kind: Route['kind'],
  handler: number,
  path: string | undefined,
  inWindow: Required<CreditWindow> | undefined,
  outWindow: Required<CreditWindow> | undefined,
): WireRoute {
  const bytes: Codec<unknown> = raw;
  return {
    name: path === undefined ? `handler ${String(handler)}` : `handler ${String(handler)}/${path}`,
    kind,
    handler,
    path,
    subroute: path,
    idempotent: false,
    takesFirst: false,
    request: bytes,
    output: bytes,
    hasOutput: true,
    input: inWindow === undefined ? undefined : bytes,
    inWindow,
    outWindow,
    regionInput: 'raw',
    regionOutput: 'raw',
  };
}

/** Returns the address of a route on the wire. */
export function toAddress(route: WireRoute): Address {
  return route.path === undefined
    ? { handler: route.handler }
    : { handler: route.handler, subroute: subrouteId(route.handler, route.path) };
}

/**
 * Converts the error of a call to the one that its caller receives: only the route states whether the call may be
 * repeated, and a host that refuses a call may not know the route's name.
 */
export function errorOf<E>(route: WireRoute, host: string, error: E): E | DisconnectedError | RefusedError {
  if (error instanceof RefusedError) {
    return new RefusedError(`${route.name}: ${host} refused the call: ${error.reason}`, error.reason);
  }
  return route.idempotent && error instanceof DisconnectedError ? error.ofIdempotentCall() : error;
}

/** The resolved routes of one endpoint; each contract is resolved once. */
export class WireRoutes {
  readonly codec: PayloadCodec;
  /** Counters of the routes' calls, for both sides. */
  readonly meters = new RouteMeters();
  readonly #known = new WeakMap<object, WireRoute>();

  constructor(codec: PayloadCodec) {
    this.codec = codec;
  }

  /** Returns the counters of the calls that this endpoint makes by a route. */
  callMeter(route: WireRoute): RouteMeter {
    return (route.callMeter ??= this.meters.of(route, 'caller'));
  }

  /** Returns the resolved form of a contract. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a contract of any shapes.
  of(route: Unary<any, any> | Duplex<any, any, any>): WireRoute {
    let known = this.#known.get(route);
    if (known === undefined) {
      known = toWireRoute(route as Route, this.codec);
      this.#known.set(route, known);
    }
    return known;
  }
}

function addressOf({ id, name, subroute }: RouteBase): { handler: number; path: string | undefined } {
  if (id !== undefined) return { handler: id, path: subroute };
  return { handler: namedHandler, path: subroute === undefined ? name : `${name}/${subroute}` };
}

function regionFormOf(shape: Shape): RegionForm | undefined {
  return 'regions' in shape ? (shape as RegionCodec<unknown>).regions : undefined;
}

function codecOf(shape: Shape, codec: PayloadCodec, what: string, checksSent = false): Codec<unknown> {
  if ('codec' in shape) return shape;
  if ('typeOnly' in shape) return codec;
  return validating(shape, codec, what, checksSent);
}

/**
 * The sender passes the schema's input and the receiver gets its output, so the receiver validates. With `checksSent` the
 * sender validates as well: then a result that does not fit the schema is reported at the handler's host, where the fault
 * is, and not only at the caller.
 */
function validating(schema: StandardSchemaV1, codec: PayloadCodec, what: string, checksSent: boolean): Codec<unknown> {
  const validate = (value: unknown): StandardSchemaV1.Result<unknown> => {
    const result = schema['~standard'].validate(value);
    if ('then' in result) {
      throw new TypeError(`${what} has a schema that validates asynchronously. Use a synchronous one.`);
    }
    return result;
  };
  const decode = (bytes: Uint8Array): unknown => {
    const result = validate(codec.decode(bytes));
    if (result.issues === undefined) return result.value;
    const issues = result.issues.map(({ path, message }) => `${pathText(path)}${message}`).join('; ');
    throw new CodecError(`${what} does not fit its schema: ${issues}`);
  };
  return {
    codec: codec.codec,
    encode: (value) => {
      const payload = codec.encode(value);
      // A codec may convert an invalid value to a valid one, for example a Date to a string: the decoded value decides.
      if (checksSent && validate(value).issues !== undefined) decode(payload);
      return payload;
    },
    decode,
  };
}

function pathText(path: StandardSchemaV1.Issue['path']): string {
  if (path === undefined || path.length === 0) return '';
  return `${path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')}: `;
}
