/**
 * The page's side of a connection that several pages share: see share-connection.ts.
 *
 *     worker ──state, link──▶ WorkerLine ──▶ this connection, which has the state of the shared one
 *     calls ──▶ link ──▶ worker ──▶ host
 */

import { map, Subscription, type Observable } from 'rxjs';
import type { RouteConnection } from '../calls/route-connection.js';
import { aFunction, checkOption, checkOptions, type Rule } from '../check.js';
import type { ConnectionState, NextAttempt } from '../connection/connection-state.js';
import { agree, announcedExtensions } from '../connection/handshake.js';
import type { HostConnection } from '../connection/host-connection.js';
import type { Link } from '../connection/link.js';
import { Endpoint, endpointRules, type EndpointOptions } from '../endpoint/endpoint.js';
import { leafRules, type ConnectOptions, type LeafConnection, type TokenRequest } from '../endpoint/leaves/leaf.js';
import { ConfigurationError } from '../errors.js';
import { isolated } from '../flow/unhandled.js';
import { errorOf, type OfferedLink, type PostedState } from './messages.js';
import { PortSocket } from './port-socket.js';
import { sharedHost } from './shared-host.js';
import { WorkerLine, type WorkerPort } from './worker-line.js';

/** Options of {@link connectShared}. */
export interface ConnectSharedOptions extends Omit<EndpointOptions, 'checksum' | 'exposeErrors'> {
  /**
   * The token of the shared connection, where the worker has none: a text, or a function that returns one. Or
   * `getToken`.
   */
  readonly token?: ConnectOptions['token'];
  /** Returns a token, as `getToken` of `connect` does. The worker asks the page that came last. */
  readonly getToken?: ConnectOptions['getToken'];
}

const { checksum: _checksum, exposeErrors: _exposeErrors, ...rules } = endpointRules;
const sharedRules: Readonly<Record<keyof ConnectSharedOptions, Rule>> = {
  ...rules,
  token: leafRules.token,
  getToken: leafRules.getToken,
};

/**
 * Uses the connection of a worker that calls `shareConnection`: one connection for all pages of an origin. What it
 * returns is used as what `connect` returns: its state is that of the shared connection, calls wait and fail as there,
 * and `reconnect` acts for all pages. `close` ends the part of this page; its statistics and frames are those between
 * the page and the worker.
 *
 * A page cannot be called: handlers are those of the worker.
 *
 * @param open - Opens the worker; called again where it has ended. It returns a SharedWorker, or a port of another kind
 * of worker.
 * @throws ConfigurationError for an unknown or invalid option.
 *
 * @example
 * const open = () => new SharedWorker(new URL('./worker.js', import.meta.url), { type: 'module' });
 * const leaf = connectShared(open, { getToken });
 */
export function connectShared(open: () => WorkerPort, options: ConnectSharedOptions = {}): LeafConnection {
  checkOption('connectShared: open', open, aFunction('opens the shared worker'));
  checkOptions(options, sharedRules, { of: 'connectShared' });
  if (options.token !== undefined && options.getToken !== undefined) {
    throw new ConfigurationError('connectShared takes token or getToken, and not both.');
  }
  return new SharedLeaf(open, options).exposed;
}

/** The page's side of the shared connection: its state, and the link to the worker. */
class SharedLeaf {
  readonly exposed: LeafConnection;
  readonly #endpoint: Endpoint;
  readonly #connection: HostConnection;
  readonly #line: WorkerLine;
  readonly #subscription = new Subscription();
  // The last state that the worker has sent.
  #shared: PostedState | undefined = undefined;
  // The states that came while the link was open: it is closed by the worker, in order with its frames.
  #pending: PostedState | undefined = undefined;
  #link: Link | undefined = undefined;
  #closed = false;

  constructor(open: () => WorkerPort, options: ConnectSharedOptions) {
    const { token, getToken, ...ofEndpoint } = options;
    this.#endpoint = new Endpoint({ ...ofEndpoint, checksum: 'off' }, () => {
      throw new ConfigurationError('A page that shares a connection has no handlers.');
    });
    const { runtime, limits } = this.#endpoint;
    const { connection, routes } = this.#endpoint.connect(sharedHost);
    this.#connection = connection;
    this.exposed = this.#expose(routes);
    this.#subscription.add(
      connection.lost.subscribe((error) => {
        this.#onLost(error);
      }),
    );
    this.#subscription.add(
      connection.wanted.subscribe(() => {
        if (this.#shared?.waitsFor === 'call') this.#line.post({ rxgrid: 'wanted' });
      }),
    );
    this.#line = new WorkerLine({
      runtime,
      limits,
      open,
      token: tokenOf(token, getToken),
      state: ({ state, link }) => {
        this.#onState(state, link);
      },
      lost: (error, ms) => {
        this.#shared = this.#pending = undefined;
        this.#link?.fail(error);
        connection.attemptFailed(error, false, { nextAttempt: runtime.wallNow() + ms });
      },
    });
  }

  #expose(routes: RouteConnection): LeafConnection {
    const relayed = routes.via(sharedHost);
    return Object.assign(relayed, {
      events$: this.#endpoint.events$,
      state$: this.#states(relayed.state$),
      via: (host: string) => routes.via(host),
      reconnect: () => {
        this.#line.post({ rxgrid: 'reconnect' });
      },
      close: () => {
        this.#close();
      },
    });
  }

  // Adds to the states of this page's own link what only the worker knows.
  #states(own$: Observable<ConnectionState>): Observable<ConnectionState> {
    return isolated(
      own$.pipe(
        map((own) => {
          const shared = this.#shared;
          if (own.status !== 'connected' || shared?.status !== 'connected') return own;
          const { host, since, connects, checksum } = shared;
          const { checksum: _, ...rest } = own;
          return { ...rest, host, since, connects, ...(checksum === undefined ? {} : { checksum }) };
        }),
      ),
    );
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#subscription.unsubscribe();
    this.#connection.close();
    this.#line.close();
    this.#endpoint.close();
  }

  #onState(state: PostedState, offered: OfferedLink | undefined): void {
    this.#shared = state;
    if (state.status === 'closed') this.#close();
    else if (offered !== undefined) this.#open(offered);
    else if (this.#link?.open === true) this.#pending = state;
    else this.#apply(state);
  }

  #open({ port, id, extensions }: OfferedLink): void {
    this.#pending = undefined;
    const link = this.#endpoint.link(this.#connection, {
      socket: new PortSocket(port),
      agreement: agree(announcedExtensions('off'), extensions, true),
      remoteId: id,
      caller: { name: sharedHost, kind: 'host' },
    });
    this.#link = link;
    this.#connection.open(link);
  }

  #onLost(error: Error | undefined): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) {
      this.#apply(pending);
      return;
    }
    if (this.#shared?.status !== 'connected' || error === undefined) return;
    // Either the host is lost, which the worker says soon, or only the link to the worker is.
    const { runtime, limits } = this.#endpoint;
    this.#subscription.add(
      runtime.schedule(() => {
        if (this.#link?.open !== true && this.#shared?.status === 'connected') this.#line.post({ rxgrid: 'relink' });
      }, limits.redialInterval),
    );
  }

  #apply(state: PostedState): void {
    const connection = this.#connection;
    const error = state.error === undefined ? new Error('There is no connection.') : errorOf(state.error);
    if (state.status === 'refused') connection.refused(error);
    else if (state.status === 'back-off') connection.attemptFailed(error, false, nextOf(state));
    else if (state.error === undefined) connection.attempting(nextOf(state));
    // With the error, where calls still wait.
    else if (connection.state.status === 'connecting') connection.attemptFailed(error, true, nextOf(state));
    else connection.attempting(nextOf(state));
  }
}

function nextOf({ nextAttempt, waitsFor }: PostedState): NextAttempt {
  return {
    ...(nextAttempt === undefined ? {} : { nextAttempt }),
    ...(waitsFor === undefined ? {} : { waitsFor }),
  };
}

function tokenOf(
  token: ConnectOptions['token'],
  getToken: ConnectOptions['getToken'],
): ((request: TokenRequest) => Promise<string>) | undefined {
  if (getToken !== undefined) return async (request) => getToken(request);
  if (token === undefined) return undefined;
  return async () => (typeof token === 'string' ? token : token());
}
