/**
 * The worker's side of a connection that several pages share.
 *
 *     no page ──the first page comes──▶ connected, or trying to ──the last one leaves──▶ no page
 *
 * Each page has a link of its own to the worker. Its calls are relayed as bytes: the worker knows no contracts, and
 * payloads, errors, credit, deadlines and cancels are passed on as they are. While the host is not connected, the pages
 * have no links either; so a page's own connection has the states of the shared one, and its calls wait and fail as
 * those of any leaf.
 */

import { BehaviorSubject, Subject, type Observable, type Subscription } from 'rxjs';
import type { RouteConnection } from '../calls/route-connection.js';
import { checkOptions } from '../check.js';
import type { ConnectionState } from '../connection/connection-state.js';
import { Endpoint } from '../endpoint/endpoint.js';
import {
  connectLeaf,
  leafRules,
  leafUrl,
  type ConnectOptions,
  type LeafConnection,
  type TokenRequest,
} from '../endpoint/leaves/leaf.js';
import { relayHandlers } from '../endpoint/relay.js';
import { ConfigurationError } from '../errors.js';
import { isolated } from '../flow/unhandled.js';
import type { GridEvent } from '../observe.js';
import { Registry } from '../handlers/registry.js';
import { globalEvents } from './global-events.js';
import { holdLock } from './locks.js';
import { sharedHost } from './shared-host.js';
import { Tab, type TabHost } from './tab.js';

/**
 * Options of {@link shareConnection}: those of `connect`. Without `token` and `getToken` the pages are asked for
 * tokens: see `connectShared`. `handlers` run in the worker.
 */
export type ShareOptions = ConnectOptions;

/** A connection that a worker shares. */
export interface SharedConnection {
  /** Number of pages that use it, starting with the present one. Pages that are frozen do not count. */
  readonly pages$: Observable<number>;
  /** Events that belong to no call, such as rejections and errors of handlers. */
  readonly events$: Observable<GridEvent>;
  /**
   * Takes a page by a port, as the worker does by itself for each page that connects. For another kind of worker, to
   * which the pages send ports: the other end of the port is what `open` of `connectShared` returns.
   */
  accept(port: MessagePort): void;
  /** Closes the connection for all pages, for good. */
  close(): void;
}

/**
 * Shares one connection to a host among all pages of an origin. Call it in the script of a `SharedWorker`, at its top,
 * so that no page is missed; the pages call `connectShared`. It connects when the first page comes, and closes the
 * connection when the last one has left. A page that has crashed, or is frozen, counts as one that has left: at once
 * where the browser has Web Locks, and otherwise after two `connectionPingInterval`.
 *
 * @param url - `ws://…` or `wss://…` of the host, or several: see `connect`.
 * @throws ConfigurationError for a URL that cannot be dialed, and for an unknown or invalid option.
 *
 * @example
 * // worker.js
 * shareConnection('wss://host1.example');
 *
 * // page.js
 * const open = () => new SharedWorker(new URL('./worker.js', import.meta.url), { type: 'module' });
 * const leaf = connectShared(open, { getToken });
 */
export function shareConnection(url: string | readonly string[], options: ShareOptions = {}): SharedConnection {
  checkOptions(options, leafRules, { of: 'shareConnection' });
  if (options.token !== undefined && options.getToken !== undefined) {
    throw new ConfigurationError(
      'shareConnection takes token or getToken, and not both. Without either, the pages are asked for tokens.',
    );
  }
  const urls = (typeof url === 'string' ? [url] : url).map(leafUrl);
  if (urls.length === 0) {
    throw new ConfigurationError('shareConnection needs the URL of a host, and was given an empty list.');
  }
  return new Sharing(urls, options);
}

/** The worker's side of the shared connection: its leaf, and the pages that use it. */
class Sharing implements SharedConnection, TabHost {
  readonly endpoint: Endpoint;
  readonly pages$: Observable<number>;
  readonly events$: Observable<GridEvent>;
  state: ConnectionState | undefined = undefined;
  lock: string | undefined = undefined;

  readonly #urls: readonly string[];
  readonly #options: ShareOptions;
  readonly #tabs = new Set<Tab>();
  // In the order in which they came.
  readonly #present = new Set<Tab>();
  readonly #pages = new BehaviorSubject(0);
  readonly #events = new Subject<GridEvent>();
  readonly #releaseLock: () => void;
  #leaf: (RouteConnection & LeafConnection) | undefined = undefined;
  #states: Subscription | undefined = undefined;
  #closed = false;

  constructor(urls: readonly string[], options: ShareOptions) {
    this.#urls = urls;
    this.#options = options;
    this.pages$ = isolated(this.#pages);
    this.events$ = isolated(this.#events);
    const { limits, runtime } = options;
    this.endpoint = new Endpoint(
      {
        ...(limits === undefined ? {} : { limits }),
        ...(runtime === undefined ? {} : { runtime }),
        // The host has decided already what a page may know.
        exposeErrors: true,
      },
      (host, call) => this.#routesTo(host).onBehalfOf(call),
    );
    const registry = new Registry(this.endpoint.serving);
    for (const bound of relayHandlers({ authorize: () => true }, { local: sharedHost })) registry.add(bound);
    this.#releaseLock = holdLock(this.endpoint.runtime, (name) => {
      this.lock = name;
      // Pages that came before got a state without the lock.
      if (this.state !== undefined) for (const tab of this.#present) tab.show(this.state);
    });
    globalEvents.addEventListener?.('connect', this.#onConnect);
  }

  accept(port: MessagePort): void {
    if (this.#closed) port.close();
    else this.#tabs.add(new Tab(port, this));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    globalEvents.removeEventListener?.('connect', this.#onConnect);
    this.#disconnect();
    for (const tab of [...this.#tabs]) tab.close();
    this.#releaseLock();
    this.endpoint.close();
    this.#events.complete();
    this.#pages.complete();
  }

  arrived(tab: Tab): void {
    this.#present.add(tab);
    this.#pages.next(this.#present.size);
    if (this.#leaf === undefined) this.#connect();
  }

  left(tab: Tab): void {
    this.#present.delete(tab);
    this.#pages.next(this.#present.size);
    if (this.#present.size === 0) this.#disconnect();
  }

  gone(tab: Tab): void {
    this.#tabs.delete(tab);
  }

  wanted(): void {
    if (this.state?.status !== 'refused') this.#leaf?.reconnect();
  }

  reconnect(): void {
    this.#leaf?.reconnect();
  }

  #connect(): void {
    const { token, getToken } = this.#options;
    const ofPages = token === undefined && getToken === undefined ? { getToken: this.#tokenOfPage } : {};
    const leaf = connectLeaf(this.#urls, { ...this.#options, ...ofPages } as Parameters<typeof connectLeaf>[1]);
    this.#leaf = leaf;
    this.#states = leaf.events$.subscribe((event) => {
      this.#events.next(event);
    });
    this.#states.add(
      // A lost connection has its state before its calls fail: the pages lose their links first, and no call of theirs
      // fails with an error that this worker has made of the loss.
      leaf.state$.subscribe((state) => {
        this.state = state;
        for (const tab of [...this.#present]) tab.show(state);
      }),
    );
  }

  #disconnect(): void {
    const leaf = this.#leaf;
    if (leaf === undefined) return;
    this.#leaf = undefined;
    this.#states?.unsubscribe();
    if (this.#closed && this.state !== undefined) {
      const closed = { host: leaf.host, status: 'closed', since: this.endpoint.runtime.wallNow() } as const;
      for (const tab of [...this.#present]) tab.show({ ...closed, connects: this.state.connects });
    }
    this.state = undefined;
    leaf.close();
  }

  // The page that came last is most likely the one that the user looks at.
  readonly #tokenOfPage = async (request: TokenRequest): Promise<string> => {
    const tab = [...this.#present].reverse().find(({ givesTokens }) => givesTokens);
    if (tab !== undefined) return tab.askToken(request);
    throw new ConfigurationError(
      'No page gives tokens. Give connectShared() getToken in the pages, or shareConnection() in the worker.',
    );
  };

  readonly #onConnect = (event: Event): void => {
    const [port] = (event as MessageEvent).ports;
    if (port !== undefined) this.accept(port);
  };

  #routesTo(host: string): RouteConnection {
    if (this.#leaf === undefined) throw new ConfigurationError('The shared connection is closed.');
    return host === sharedHost ? this.#leaf : this.#leaf.via(host);
  }
}
