import type { Observable } from 'rxjs';
import { aFunction, checkOptions, type Rule } from '../check.js';
import { Dialer } from '../connection/dialer.js';
import { agree, announcedExtensions } from '../connection/handshake.js';
import type { Dial } from '../transport/socket.js';
import { dialWebSocket } from '../transport/ws-dial.js';
import { ConfigurationError, toError } from '../errors.js';
import { guarded, ThrownErrors } from '../guard.js';
import type { GridEvent } from '../observe.js';
import { printableUrl } from '../printable.js';
import type { Connection } from '../contract/connection.js';
import type { Bound } from '../contract/handler.js';
import type { RouteConnection } from '../calls/route-connection.js';
import { defaultPath } from './host-name.js';
import { Endpoint, endpointRules, type EndpointOptions } from './endpoint.js';

/** Options of {@link connect}. */
export interface ConnectOptions extends EndpointOptions {
  /** Proves the identity of the leaf: a token, or a function that returns one for each attempt to connect. */
  readonly token: string | (() => string | Promise<string>);
  /** Handlers that the host may call. */
  readonly handlers?: readonly Bound[];
  /** Opens WebSockets. Default isomorphic-ws. */
  readonly dial?: Dial;
}

/** Validation rules of {@link ConnectOptions}. */
export const leafRules: Readonly<Record<keyof ConnectOptions, Rule>> = {
  ...endpointRules,
  token: {
    expected: 'a text, or a function that gives one for each attempt to connect',
    accepts: (value) => typeof value === 'string' || typeof value === 'function',
  },
  handlers: {
    expected: 'a list of handlers, each made by bind(route, handler)',
    accepts: (value) => Array.isArray(value),
  },
  dial: aFunction('opens WebSockets'),
};

/** The connection of a leaf. */
export interface LeafConnection extends Connection {
  /** Events that belong to no call: handler errors, lost backpressure, rejections. */
  readonly events$: Observable<GridEvent>;
  /** Closes the connection permanently; calls in flight fail. @throws AggregateError of the errors that occurred meanwhile, after everything has been closed. */
  close(): void;
}

/**
 * Connects to a host as a leaf: a dialer without a host name, which can nevertheless serve calls. For browsers and tools. It
 * reconnects until it is closed.
 *
 * @param url - `ws://…` or `wss://…` of the host; without a path, the default one.
 * @throws ConfigurationError for a URL that cannot be dialed, and for an unknown or invalid option.
 */
export function connect(url: string, options: ConnectOptions): LeafConnection {
  checkOptions(options, leafRules, { of: 'connect', required: ['token'] });
  const target = parseUrl(url);
  // The name of the host in states, errors and events: the URL without parts that may be secret.
  const host = printableUrl(target);
  // The host's own name, which handlers see as the caller.
  let name = host;
  const endpoint: Endpoint = new Endpoint(options, (to, parent) => {
    if (to !== routes.host && to !== name) throw new ConfigurationError(`A leaf knows one host: ${routes.host}.`);
    return routes.onBehalfOf(parent);
  });
  const { connection, routes } = endpoint.connect(host);
  for (const bound of options.handlers ?? []) endpoint.registry.add(bound);
  const { token } = options;
  let closed = false;
  // Only checksums need WebAssembly, which a page may forbid. It is compiled while the socket opens.
  const checksum = endpoint.checksumMode === 'auto' ? endpoint.prepare() : undefined;
  const extensions = announcedExtensions(endpoint.checksumMode);
  const dialer = new Dialer({
    connection,
    url: target,
    dial: options.dial ?? dialWebSocket,
    runtime: endpoint.runtime,
    limits: endpoint.limits,
    checksum,
    connect: { id: endpoint.id, host: '', leaf: true, ext: extensions },
    token: async () => (typeof token === 'function' ? token() : token),
    accepted: (socket, response) => {
      const agreement = agree(extensions, response.ext, target.startsWith('wss:'));
      name = response.name ?? host;
      connection.open(
        endpoint.link(connection, { socket, agreement, remoteId: response.id, caller: { name, kind: 'host' } }),
      );
    },
    rejected: (reason) => {
      endpoint.report({ type: 'rejected', host, by: 'remote', reason });
    },
  });
  checksum?.catch((error: unknown) => {
    dialer.stop();
    connection.attemptFailed(toError(error));
  });

  return leafConnection(routes, endpoint, () => {
    if (closed) return;
    closed = true;
    const errors = new ThrownErrors();
    guarded(errors.add, () => {
      dialer.stop();
    });
    guarded(errors.add, () => {
      connection.close();
    });
    endpoint.close();
    errors.throwAny(
      `The connection to ${printableUrl(target)} is closed, and some of it failed to close as it should.`,
    );
  });
}

function leafConnection(routes: RouteConnection, endpoint: Endpoint, close: () => void): LeafConnection {
  return Object.assign(routes, { events$: endpoint.events$, close });
}

function parseUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConfigurationError(`"${printableUrl(text)}" is no URL. Give one like wss://host.example.`);
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new ConfigurationError(`${printableUrl(text)}: a leaf dials ws: or wss:, not ${url.protocol}`);
  }
  if (url.hash !== '') throw new ConfigurationError(`${printableUrl(text)}: a URL to dial has no fragment ("#…").`);
  if (url.pathname === '/' || url.pathname === '') url.pathname = defaultPath;
  return url.href;
}
