import type { GridDescription, JsonSchema, PayloadDescription, RouteDescription } from './description.js';
import { defined } from './reader.js';

/** An AsyncAPI 3 document, as plain data. */
export type AsyncApiDocument = Readonly<Record<string, unknown>>;

/** Options of {@link asyncApi}. */
export interface AsyncApiOptions {
  /** Title of the document. Default: the name of the host. */
  readonly title?: string;
  /** Version of the services that it describes. Default `1.0.0`. */
  readonly version?: string;
}

const contentTypes: Readonly<Record<string, string>> = {
  msgpack: 'application/msgpack',
  raw: 'application/octet-stream',
  json: 'application/json',
};

/**
 * Makes an AsyncAPI 3 document of a description: a channel for each route, an operation with its reply, and messages
 * with their JSON Schemas. So other tools can document a host and generate clients for it. What AsyncAPI cannot
 * express, such as windows and the kind of a route, is in `x-rxgrid`.
 */
export function asyncApi(description: GridDescription, options: AsyncApiOptions = {}): AsyncApiDocument {
  const { title = `${description.host}: routes`, version = '1.0.0' } = options;
  const ids = new Ids();
  const parts = description.routes.map((route) => documentRoute(route, ids.of(route.name)));
  return {
    asyncapi: '3.0.0',
    info: { title, version, description: `Routes of ${description.host}, served by rxgrid ${description.version}.` },
    defaultContentType: contentTypes.msgpack,
    ...serverOf(description),
    channels: Object.fromEntries(parts.map(({ id, channel }) => [id, channel])),
    operations: Object.fromEntries(parts.map(({ id, operation }) => [id, operation])),
    components: {
      messages: Object.assign({}, ...parts.map(({ messages }) => messages)) as object,
      schemas: Object.assign({}, ...parts.map(({ schemas }) => schemas)) as object,
    },
  };
}

interface DocumentedRoute {
  readonly id: string;
  readonly channel: object;
  readonly operation: object;
  readonly messages: Record<string, object>;
  readonly schemas: Record<string, object>;
}

function documentRoute(route: RouteDescription, id: string): DocumentedRoute {
  const messages: Record<string, object> = {};
  const schemas: Record<string, object> = {};
  const inChannel: Record<string, object> = {};
  const add = (role: string, payload: PayloadDescription | undefined): object[] => {
    if (payload === undefined) return [];
    const key = `${id}.${role}`;
    const { schema } = payload;
    if (schema !== undefined) schemas[key] = rooted(schema, `#/components/schemas/${key}`) as object;
    messages[key] = defined({
      name: key,
      title: `${route.name}: ${role}`,
      contentType: contentTypes[payload.codec] ?? 'application/octet-stream',
      payload: schema === undefined ? undefined : { $ref: `#/components/schemas/${key}` },
    });
    inChannel[role] = { $ref: `#/components/messages/${key}` };
    return [{ $ref: `#/channels/${id}/messages/${role}` }];
  };
  // A route without a request is still called: an empty message opens it.
  const received = [...add('request', route.request ?? { codec: 'raw' }), ...add('input', route.input)];
  const sent = [...add('response', route.response), ...add('output', route.output)];
  const { kind, id: handler, subroute, idempotent, inWindow, outWindow } = route;
  return {
    id,
    messages,
    schemas,
    channel: {
      // Braces are parameters in an address.
      address: route.name.replaceAll(/[{}]/g, (brace) => encodeURIComponent(brace)),
      title: route.name,
      messages: inChannel,
      'x-rxgrid': defined({ kind, id: handler, subroute, idempotent, inWindow, outWindow }),
    },
    operation: {
      action: 'receive',
      title: route.name,
      summary: kind === 'unary' ? 'One request, one response.' : 'One request, a stream of items.',
      channel: { $ref: `#/channels/${id}` },
      messages: received,
      ...(sent.length === 0 ? {} : { reply: { channel: { $ref: `#/channels/${id}` }, messages: sent } }),
    },
  };
}

function serverOf({ host, paths }: GridDescription): object {
  if (!URL.canParse(host)) return {};
  const url = new URL(host);
  const protocol = url.protocol === 'https:' ? 'wss' : 'ws';
  const servers = paths.map((pathname, index) => [`path${index + 1}`, { host: url.host, pathname, protocol }]);
  return servers.length === 0 ? {} : { servers: Object.fromEntries(servers) as object };
}

/**
 * A schema as a part of the document: its references to itself lead to where it stands there. Its `$schema` and `$id`
 * would make it a document of its own.
 */
function rooted(value: unknown, root: string): unknown {
  if (Array.isArray(value)) return value.map((entry) => rooted(entry, root));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as JsonSchema)
    .filter(([key]) => key !== '$schema' && key !== '$id' && key !== '~standard')
    .map(([key, entry]): [string, unknown] => {
      if (key !== '$ref' || typeof entry !== 'string') return [key, rooted(entry, root)];
      // Tools that read the document would fetch references to other places.
      return [key, entry.startsWith('#') ? `${root}${entry.slice(1)}` : root];
    });
  return Object.fromEntries(entries);
}

/** Ids of channels: of letters, digits, dots, hyphens and underscores, each one once. */
class Ids {
  readonly #taken = new Set<string>();

  of(name: string): string {
    const base = name.replaceAll(/[^A-Za-z0-9._-]/g, '_') || '_';
    let id = base;
    for (let count = 2; this.#taken.has(id); count++) id = `${base}_${count}`;
    this.#taken.add(id);
    return id;
  }
}
