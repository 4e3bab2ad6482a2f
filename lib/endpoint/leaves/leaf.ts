import type { Observable } from 'rxjs';
import { aFunction, checkOptions, type Rule } from '../../check.js';
import { agree, announcedExtensions } from '../../connection/handshake.js';
import { LeafDialer } from '../../connection/dialing/leaf-dialer.js';
import type { Link } from '../../connection/link.js';
import { platformSurroundings } from '../../connection/dialing/surroundings.js';
import type { Dial } from '../../transport/socket.js';
import { dialWebSocket } from '../../transport/ws-dial.js';
import { ConfigurationError } from '../../errors.js';
import { ClosedError, RejectedError } from '../../rejection.js';
import { guarded, ThrownErrors } from '../../guard.js';
import type { GridEvent } from '../../observe.js';
import { printableUrl } from '../../printable.js';
import type { Connection } from '../../contract/connection.js';
import type { Bound } from '../../contract/handler.js';
import type { RouteConnection } from '../../calls/route-connection.js';
import type { Checksum } from '../../wire/checksum.js';
import { defaultPath } from '../host-name.js';
import { Endpoint, endpointRules, type EndpointOptions } from '../endpoint.js';
import { TokenRenewal } from './token-renewal.js';

/** Why a token is needed; see `getToken` of {@link ConnectOptions}. */
export interface TokenRequest {
  /** `connect`: for an attempt to connect. `expires`: for the connection that is open, whose token will soon expire. */
  readonly reason: 'connect' | 'expires';
  /** The URL of the host that will get it. */
  readonly url: string;
  /**
   * Why the previous token was refused, or why the connection was closed on account of it; undefined where it was not.
   */
  readonly refused: string | undefined;
}

/** Options of {@link connect}. */
export interface ConnectOptions extends EndpointOptions {
  /**
   * Proves the identity of the leaf: a token, or a function that returns one for each attempt to connect. Or
   * `getToken`.
   */
  readonly token?: string | (() => string | Promise<string>);
  /**
   * Returns a token. Its argument says why one is needed: for each attempt to connect, and before the token of the open
   * connection expires, where the host says when. Give either this or `token`.
   */
  readonly getToken?: (request: TokenRequest) => string | Promise<string>;
  /** Handlers that the host may call. */
  readonly handlers?: readonly Bound[];
  /** Opens WebSockets. Default isomorphic-ws. */
  readonly dial?: Dial;
}

/** A leaf proves who it is, in one of two ways: see {@link ConnectOptions}. */
export type TokenSource =
  | { readonly token: NonNullable<ConnectOptions['token']> }
  | { readonly getToken: NonNullable<ConnectOptions['getToken']> };

/** Validation rules of {@link ConnectOptions}. */
export const leafRules: Readonly<Record<keyof ConnectOptions, Rule>> = {
  ...endpointRules,
  token: {
    expected: 'a text, or a function that gives one for each attempt to connect',
    accepts: (value) => typeof value === 'string' || typeof value === 'function',
  },
  getToken: aFunction('gives a token'),
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
  /**
   * Tries to connect now: ends the state `refused`, and the wait for the next attempt. Does nothing while connected or
   * trying.
   */
  reconnect(): void;
  /**
   * Closes the connection permanently; calls in flight fail. @throws AggregateError of the errors that occurred
   * meanwhile, after everything has been closed.
   */
  close(): void;
}

/**
 * Connects to a host as a leaf: a dialer without a host name, which can nevertheless serve calls. For browsers and
 * tools. It reconnects until it is closed, or refused: then `state$` says why, and {@link LeafConnection.reconnect}
 * tries again.
 *
 * @param url - `ws://…` or `wss://…` of the host; without a path, the default one. With several, it stays with the
 * first one that can be reached, and goes on to the next when it is lost.
 * @throws ConfigurationError for a URL that cannot be dialed, and for an unknown or invalid option.
 */
export function connect(url: string | readonly string[], options: ConnectOptions & TokenSource): LeafConnection {
  return connectLeaf(url, options);
}

/** What {@link connect} returns, with the methods of the library's own. */
export function connectLeaf(
  url: string | readonly string[],
  options: ConnectOptions & TokenSource,
): RouteConnection & LeafConnection {
  checkOptions(options, leafRules, { of: 'connect' });
  if ((options.token === undefined) === (options.getToken === undefined)) {
    throw new ConfigurationError(
      'connect needs token or getToken, and not both: what proves the identity of the leaf.',
    );
  }
  const urls = (typeof url === 'string' ? [url] : url).map(leafUrl);
  if (urls.length === 0) throw new ConfigurationError('connect needs the URL of a host, and was given an empty list.');
  const leaf = new Leaf(urls, options);
  return leafConnection(leaf);
}

/** The parts of the connection of a leaf. */
class Leaf {
  readonly routes: RouteConnection;
  readonly endpoint: Endpoint;
  readonly dialer: LeafDialer;
  /** The URLs without parts that may be secret: the name of the host in states, errors and events. */
  readonly host: string;
  readonly #options: ConnectOptions;
  readonly #connection;
  // The host's own name, which handlers see as the caller.
  #name: string;
  #checksumForbidden = false;
  #closed = false;

  constructor(urls: readonly string[], options: ConnectOptions) {
    this.#options = options;
    this.host = urls.map(printableUrl).join(', ');
    this.#name = this.host;
    this.endpoint = new Endpoint(options, (to, parent) => {
      const { host } = this;
      if (to !== host && to !== this.#name) throw new ConfigurationError(`A leaf knows one host: ${host}.`);
      return this.routes.onBehalfOf(parent);
    });
    const { endpoint } = this;
    const { connection, routes } = endpoint.connect(this.host);
    this.#connection = connection;
    this.routes = routes;
    for (const bound of options.handlers ?? []) serveAt(endpoint, bound);
    this.dialer = this.#createDialer(urls);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const errors = new ThrownErrors();
    guarded(errors.add, () => {
      this.dialer.stop();
    });
    guarded(errors.add, () => {
      this.#connection.close();
    });
    this.endpoint.close();
    errors.throwAny(`The connection to ${this.host} is closed, and some of it failed to close as it should.`);
  }

  #createDialer(urls: readonly string[]): LeafDialer {
    const { endpoint } = this;
    const { dial = dialWebSocket, token } = this.#options;
    return new LeafDialer({
      connection: this.#connection,
      urls,
      dial,
      runtime: endpoint.runtime,
      limits: endpoint.limits,
      surroundings: platformSurroundings,
      // Only checksums need WebAssembly, which a page may forbid. It is compiled while the socket opens.
      checksum: () => this.#prepareChecksum(),
      connect: () => ({ id: endpoint.id, host: '', leaf: true, ext: this.#extensions }),
      token: (url) => this.#token('connect', url),
      renews: typeof token !== 'string',
      accepted: (url, socket, response) => {
        const agreement = agree(this.#extensions, response.ext, url.startsWith('wss:'));
        this.#name = response.name ?? this.host;
        const caller = { name: this.#name, kind: 'host' } as const;
        const link = endpoint.link(this.#connection, { socket, agreement, remoteId: response.id, caller });
        this.#connection.open(link);
        if (response.ext?.tok === 1) this.#renewTokens(link, url, response.ext.ttl ?? 0);
      },
      rejected: (_, reason) => {
        this.#reportRejected(reason);
      },
    });
  }

  #prepareChecksum(): Checksum | undefined | Promise<Checksum | undefined> {
    const { endpoint } = this;
    if (endpoint.checksumMode === 'off' || this.#checksumForbidden) return undefined;
    if (endpoint.checksum !== undefined) return endpoint.checksum;
    return endpoint.prepare().catch((error: unknown) => {
      // A file that does not load fails the attempt; a policy of the page will be the same at the next one.
      if (!(error instanceof ConfigurationError)) throw error;
      this.#checksumForbidden = true;
      return undefined;
    });
  }

  // Called once the checksum is there.
  get #extensions() {
    return { ...announcedExtensions(this.endpoint.checksum === undefined ? 'off' : 'auto'), tok: 1 };
  }

  async #token(reason: TokenRequest['reason'], url: string): Promise<string> {
    const { token, getToken } = this.#options;
    if (typeof token === 'string') return token;
    const cause: unknown = this.#connection.state.error?.cause;
    const refused =
      (cause instanceof RejectedError || cause instanceof ClosedError) && cause.code === 'unauthenticated'
        ? cause.reason
        : undefined;
    return token === undefined ? getToken!({ reason, url, refused }) : token();
  }

  #renewTokens(link: Link, url: string, ttl: number): void {
    if (typeof this.#options.token === 'string') return;
    const { runtime, limits } = this.endpoint;
    const options = {
      link,
      runtime,
      timeout: limits.handshakeTimeout,
      token: () => this.#token('expires', url),
      failed: (reason: string) => {
        this.#reportRejected(`The token could not be renewed: ${reason}`);
      },
    };
    new TokenRenewal(options, ttl);
  }

  #reportRejected(reason: string): void {
    this.endpoint.report({ type: 'rejected', host: this.host, by: 'remote', reason });
  }
}

function leafConnection(leaf: Leaf): RouteConnection & LeafConnection {
  return Object.assign(leaf.routes, {
    events$: leaf.endpoint.events$,
    reconnect: () => {
      leaf.dialer.reconnect();
    },
    close: () => {
      leaf.close();
    },
  });
}

/** The URL that a leaf dials: `ws:` or `wss:`, with the default path where none is given. @throws ConfigurationError */
export function leafUrl(text: string): string {
  let url: URL;
  if (typeof text !== 'string') throw new ConfigurationError('The URL of a host must be a text.');
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

// The bound handler brings along what serves calls: a leaf without handlers does not have that code.
function serveAt({ serving }: Endpoint, { serve }: Bound): void {
  if (serve === undefined) throw new ConfigurationError('connect: make each of the handlers by bind(route, handler).');
  (serve as (at: typeof serving) => unknown)(serving);
}
