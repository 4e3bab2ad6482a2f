import { ConfigurationError } from '../errors.js';
import type { CreditWindow } from '../limits.js';
import { noMeter, type CallMeter } from '../metrics/call-meter.js';
import type { RouteMeters } from '../metrics/route-meter.js';
import type { Address } from '../mux/engine.js';
import { subrouteId } from '../wire/subroute.js';
import type { RegionForm } from '../codec/region-item.js';
import { raw, type RegionCodec, type Codec, type PayloadCodec, type Shape } from '../codec/codec.js';
import { codecOf } from './shape-codec.js';
import { isInternalId, namedHandler } from './reserved-ids.js';
import { RouteErrors } from './route-errors.js';
import type { RouteInfo } from './interceptor.js';
import type { RouteDefaults } from './route-defaults.js';
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
  /** True for a route of the library itself, which users neither call nor handle: its id is reserved for that. */
  readonly internal: boolean;
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
  callMeter?: CallMeter;
  /** The errors that its calls can fail with as instances of their classes. */
  readonly errors: RouteErrors;
  /** The route, as interceptors see it. */
  readonly info: RouteInfo;
  /** What its calls use where they do not say otherwise. */
  readonly defaults: RouteDefaults;
}

/** Resolves a contract to a {@link WireRoute}. Shapes that are not codecs themselves use `codec`. */
export function toWireRoute(route: Route, codec: PayloadCodec): WireRoute {
  if (route.name === '') {
    throw new ConfigurationError(
      'A route without a name is called and handled as a member of its group. Or give it a name.',
    );
  }
  const { handler, path } = addressOf(route);
  const name = describeRoute(route);
  const { errors = [], timeout, waitForConnect, retry } = route;
  const duplex = route.kind === 'duplex' ? route : undefined;
  return {
    name,
    kind: route.kind,
    handler,
    path,
    subroute: route.subroute,
    internal: isInternalId(handler),
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
    errors: new RouteErrors(errors, codec),
    info: infoOf(route, name),
    defaults: {
      ...(timeout === undefined ? {} : { timeout }),
      ...(waitForConnect === undefined ? {} : { waitForConnect }),
      ...(retry === undefined ? {} : { retry }),
    },
  };
}

/** Creates a route whose payloads are all opaque bytes. */
export function rawWireRoute(
  kind: Route['kind'],
  handler: number,
  path: string | undefined,
  inWindow: Required<CreditWindow> | undefined,
  outWindow: Required<CreditWindow> | undefined,
  codec: PayloadCodec = raw,
): WireRoute {
  const bytes: Codec<unknown> = raw;
  const name = path === undefined ? `handler ${String(handler)}` : `handler ${String(handler)}/${path}`;
  return {
    name,
    kind,
    handler,
    path,
    subroute: path,
    internal: isInternalId(handler),
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
    errors: new RouteErrors([], codec),
    info: infoOf({ kind, id: handler, ...(path === undefined ? {} : { subroute: path }) }, name),
    defaults: {},
  };
}

/** Returns the address of a route on the wire. */
export function toAddress(route: WireRoute): Address {
  return route.path === undefined
    ? { handler: route.handler }
    : { handler: route.handler, subroute: subrouteId(route.handler, route.path) };
}

/** The resolved routes of one endpoint; each contract is resolved once. */
export class WireRoutes {
  readonly codec: PayloadCodec;
  /** Counters of the routes' calls, for both sides; undefined where nobody can read them. */
  readonly meters: RouteMeters | undefined;
  readonly #known = new WeakMap<object, WireRoute>();

  constructor(codec: PayloadCodec, meters?: RouteMeters) {
    this.codec = codec;
    this.meters = meters;
  }

  /** Returns the counters of the calls that this endpoint makes by a route. */
  callMeter(route: WireRoute): CallMeter {
    return (route.callMeter ??= this.meters?.of(route, 'caller') ?? noMeter);
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

function infoOf(
  { kind, id, subroute, idempotent = false, errors = [] }: Pick<Route, 'kind'> & Partial<RouteBase>,
  name: string,
): RouteInfo {
  return { name, kind, id, subroute, idempotent, errors: errors.map(({ code }) => code) };
}

function regionFormOf(shape: Shape): RegionForm | undefined {
  return 'regions' in shape ? (shape as RegionCodec<unknown>).regions : undefined;
}
