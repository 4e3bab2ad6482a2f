import type { Observable } from 'rxjs';
import { Dialer } from '../connection/dialer.js';
import { agree, announcedExtensions } from '../connection/handshake.js';
import type { Dial } from '../connection/socket.js';
import { dialWebSocket } from '../connection/ws-socket.js';
import { ConfigurationError } from '../errors.js';
import type { GridEvent } from '../observe.js';
import type { Connection } from '../routes/connection.js';
import type { Bound } from '../routes/handler.js';
import type { RouteConnection } from '../routes/route-connection.js';
import { defaultPath } from './host-name.js';
import { Side, type SideOptions } from './side.js';

/** Options of {@link connect}. */
export interface ConnectOptions extends SideOptions {
  /** Proves who the leaf is: a token, or a function that makes one for each attempt to connect. */
  readonly token: string | (() => string | Promise<string>);
  /** Handlers that the host may call. */
  readonly handlers?: readonly Bound[];
  /** Opens WebSockets. Default isomorphic-ws. */
  readonly dial?: Dial;
}

/** The connection of a leaf. */
export interface LeafConnection extends Connection {
  /** What belongs to no call: handler errors, lost backpressure, rejections. */
  readonly events$: Observable<GridEvent>;
  /** Closes it for good; calls in flight fail. */
  close(): void;
}

/**
 * Connects to a host as a leaf: as a side that dials, has no name of its own, and can still serve. For browsers and tools.
 * It reconnects for ever.
 *
 * @param url - `ws://…` or `wss://…` of the host; without a path, the default one.
 * @throws ConfigurationError for a URL that cannot be dialed.
 */
export function connect(url: string, options: ConnectOptions): LeafConnection {
  const target = parseUrl(url);
  // What the host calls itself, which handlers hear as the caller.
  let name = target;
  const side: Side = new Side(options, (host, parent) => {
    if (host !== routes.host && host !== name) throw new ConfigurationError(`A leaf knows one host: ${routes.host}.`);
    return routes.onBehalfOf(parent);
  });
  const { connection, routes } = side.connect(target);
  for (const bound of options.handlers ?? []) side.registry.add(bound);
  const { token } = options;
  let closed = false;
  // Without checksums nothing here needs WebAssembly, which a page may forbid. It is compiled while the socket opens.
  const checksum = side.checksumMode === 'auto' ? side.prepare() : undefined;
  const extensions = announcedExtensions(side.checksumMode);
  const dialer = new Dialer({
    connection,
    url: target,
    dial: options.dial ?? dialWebSocket,
    runtime: side.runtime,
    limits: side.limits,
    checksum,
    connect: { id: side.id, host: '', leaf: true, ext: extensions },
    token: async () => (typeof token === 'function' ? token() : token),
    accepted: (socket, response) => {
      const agreement = agree(extensions, response.ext, target.startsWith('wss:'));
      name = response.name ?? target;
      connection.open(side.link(connection, { socket, agreement, remoteId: response.id, caller: name }));
    },
    rejected: (reason) => {
      side.report({ type: 'rejected', host: target, by: 'remote', reason });
    },
  });
  checksum?.catch((error: unknown) => {
    dialer.stop();
    connection.attemptFailed(error instanceof Error ? error : new Error(String(error)));
  });

  return leafConnection(routes, side, () => {
    if (closed) return;
    closed = true;
    dialer.stop();
    connection.close();
    side.close();
  });
}

function leafConnection(routes: RouteConnection, side: Side, close: () => void): LeafConnection {
  return Object.assign(routes, { events$: side.events$, close });
}

function parseUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConfigurationError(`${JSON.stringify(text)} is no URL. Give one like wss://host.example.`);
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new ConfigurationError(`${text}: a leaf dials ws: or wss:, not ${url.protocol}`);
  }
  if (url.hash !== '') throw new ConfigurationError(`${text}: a URL to dial has no fragment ("${url.hash}").`);
  if (url.pathname === '/' || url.pathname === '') url.pathname = defaultPath;
  return url.href;
}
