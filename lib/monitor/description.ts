import { maxMeteredRoutes } from '../bounds.js';
import { defined, fields, list, number, oneOf, optionalFields, optionalNumber, optionalText, text } from './reader.js';

/** A JSON Schema, as a schema library or another host gives it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A payload of a route: its encoding and its schema. */
export interface PayloadDescription {
  /** Name of its encoding: `msgpack`, `raw`, or that of a codec of the user's. */
  readonly codec: string;
  /** JSON Schema (draft-07) of what is sent, where the route has a schema that can be written as one. */
  readonly schema?: JsonSchema;
}

/** A window, in items and bytes. */
export interface WindowDescription {
  readonly initial: number;
  readonly max: number;
  readonly maxBytes: number;
}

/** A route that a host serves. */
export interface RouteDescription {
  /** Name of the route, with its subroute. */
  readonly name: string;
  readonly kind: 'unary' | 'duplex';
  /** Handler id; absent where the route is addressed by its name. */
  readonly id?: number;
  readonly subroute?: string;
  readonly idempotent: boolean;
  /** Absent where the route has none. */
  readonly request?: PayloadDescription;
  /** Response of a unary route. */
  readonly response?: PayloadDescription;
  /** Items to the handler of a duplex route. */
  readonly input?: PayloadDescription;
  /** Items from the handler of a duplex route. */
  readonly output?: PayloadDescription;
  readonly inWindow?: WindowDescription;
  readonly outWindow?: WindowDescription;
}

/** The routes and paths that a host serves. */
export interface GridDescription {
  /** Name of the host. */
  readonly host: string;
  /** Paths of its WebSocket. */
  readonly paths: readonly string[];
  /** Version of rxgrid that it runs. */
  readonly version: string;
  /** The routes that have a handler, in the order in which the handlers were registered. */
  readonly routes: readonly RouteDescription[];
}

const maxPaths = 64;

/** Reads the description of another host. */
export function readDescription(value: unknown): GridDescription {
  const { host, paths, version, routes } = fields(value);
  return {
    host: text(host),
    paths: list(paths, maxPaths, (path) => text(path)),
    version: text(version, 'unknown'),
    routes: list(routes, maxMeteredRoutes, readRoute),
  };
}

function readRoute(value: unknown): RouteDescription {
  const route = fields(value);
  return defined({
    name: text(route.name),
    kind: oneOf(route.kind, 'unary', 'duplex'),
    id: optionalNumber(route.id),
    subroute: optionalText(route.subroute),
    idempotent: route.idempotent === true,
    request: readPayload(route.request),
    response: readPayload(route.response),
    input: readPayload(route.input),
    output: readPayload(route.output),
    inWindow: readWindow(route.inWindow),
    outWindow: readWindow(route.outWindow),
  });
}

function readPayload(value: unknown): PayloadDescription | undefined {
  if (value === undefined || value === null) return undefined;
  const { codec, schema } = optionalFields(value);
  const found = optionalFields(schema);
  return { codec: text(codec, 'unknown'), ...(Object.keys(found).length === 0 ? {} : { schema: found }) };
}

function readWindow(value: unknown): WindowDescription | undefined {
  if (value === undefined || value === null) return undefined;
  const { initial, max, maxBytes } = optionalFields(value);
  return { initial: number(initial), max: number(max), maxBytes: number(maxBytes) };
}
