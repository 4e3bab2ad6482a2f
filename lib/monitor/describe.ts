import type { Shape } from '../codec/codec.js';
import type { Codec } from '../codec/codec.js';
import { isNothing } from '../contract/contract.js';
import { namedHandler, reservedIds } from '../contract/reserved-ids.js';
import type { WireRoute } from '../contract/wire-route.js';
import type { ServedRoute } from '../handlers/handler-table.js';
import { maxMeteredRoutes, maxSchemaBytes } from '../bounds.js';
import { printable } from '../printable.js';
import { version } from '../version.js';
import type { GridDescription, JsonSchema, PayloadDescription, RouteDescription } from './description.js';
import { defined } from './reader.js';

/** A host that can be described: a manager. */
export interface Describable {
  readonly local: string;
  readonly paths: readonly string[];
  /** @internal */
  servedRoutes(): readonly ServedRoute[];
}

/** Routes of the library itself, but for those of files, which users call as their own. */
const firstInternalId = reservedIds.duplicateHost;

/** Describes what a host serves: for tools, for documents, and for the monitor itself. */
export function describe(manager: Describable): GridDescription {
  let left = maxSchemaBytes;
  const bounded = (schema: JsonSchema | undefined): JsonSchema | undefined => {
    if (schema === undefined) return undefined;
    left -= sizeOf(schema);
    return left < 0 ? undefined : schema;
  };
  const routes = manager
    .servedRoutes()
    .filter(({ route }) => route.handler < firstInternalId || route.handler === namedHandler)
    .slice(0, maxMeteredRoutes)
    .map((served) => describeRoute(served, bounded));
  return { host: printable(manager.local), paths: manager.paths, version, routes };
}

type Bounded = (schema: JsonSchema | undefined) => JsonSchema | undefined;

function describeRoute({ route, contract }: ServedRoute, bounded: Bounded): RouteDescription {
  const payload = (codec: Codec<unknown> | undefined, shape: Shape | undefined): PayloadDescription | undefined => {
    if (codec === undefined || (shape !== undefined && isNothing(shape))) return undefined;
    return defined({ codec: codec.codec, schema: bounded(jsonSchemaOf(shape)) });
  };
  const output = contract?.kind === 'unary' ? contract.response : contract?.output;
  return defined({
    name: printable(route.name),
    kind: route.kind,
    ...addressOf(route),
    idempotent: route.idempotent,
    request: payload(route.request, contract?.request),
    response: route.kind === 'unary' ? payload(route.output, output) : undefined,
    input: payload(route.input, contract?.kind === 'duplex' ? contract.input : undefined),
    output: route.kind === 'duplex' ? payload(route.output, output) : undefined,
    inWindow: route.inWindow,
    outWindow: route.outWindow,
  });
}

function addressOf({ handler, subroute }: WireRoute): Pick<RouteDescription, 'id' | 'subroute'> {
  return {
    ...(handler === namedHandler ? {} : { id: handler }),
    ...(subroute === undefined ? {} : { subroute: printable(subroute) }),
  };
}

/**
 * The JSON Schema of what is sent for a shape: of the input of a schema, because the other side validates. Undefined
 * for types and codecs, for schemas of a library without Standard JSON Schema, and for a schema that JSON Schema cannot
 * express.
 */
function jsonSchemaOf(shape: Shape | undefined): JsonSchema | undefined {
  if (shape === undefined || !('~standard' in shape)) return undefined;
  try {
    const { jsonSchema } = shape['~standard'] as {
      readonly jsonSchema?: { input?(options: { target: string }): unknown };
    };
    const schema = jsonSchema?.input?.({ target: 'draft-07' });
    // Only what JSON can express goes on.
    return schema === undefined ? undefined : (JSON.parse(JSON.stringify(schema)) as JsonSchema);
  } catch {
    return undefined;
  }
}

function sizeOf(schema: JsonSchema): number {
  return JSON.stringify(schema).length;
}
