import { aFunction, anObject, checkOptions, whole, type Rule } from '../../check.js';
import { RejectedError } from '../../rejection.js';
import { maxGoneLeaves } from '../../bounds.js';
import type { Agreement } from '../../connection/handshake.js';
import type { HostConnection } from '../../connection/host-connection.js';
import { reportUnhandled } from '../../flow/unhandled.js';
import { guarded } from '../../guard.js';
import { printable } from '../../printable.js';
import type { EngineOptions, Refusal } from '../../mux/engine.js';
import { RunningHandlers } from '../../mux/running-handlers.js';
import type { Duplex, Unary } from '../../contract/contract.js';
import type { RouteConnection } from '../../calls/route-connection.js';
import type { Socket } from '../../transport/socket.js';
import { ThrottledSocket } from '../../transport/throttled-socket.js';
import { subrouteKey } from '../../wire/subroute.js';
import type { ConnectRequest } from '../../wire/payloads/connect.js';
import { checkClock, type Admission, type DialerInfo } from '../accept/acceptor.js';
import { checkToken, describe } from '../accept/auth.js';
import { ConnectedLeaf, leafLimitRules, type Authenticated, type LeafLimits } from './connected-leaf.js';
import type { Endpoint } from '../endpoint.js';
import { ttlOf } from './leaf-control.js';
import type { LeafList, LeafState } from './leaf-list.js';

/** The identity that a token proves. */
export interface LeafIdentity {
  /** Name of the leaf; see `authenticate` of {@link LeafOptions}. */
  readonly identity: string;
  /**
   * When the token expires: a date, or ms since the epoch. Before, the leaf is asked for a new one; at that time, its
   * connection is closed with the code `unauthenticated`. Default: never.
   */
  readonly expiresAt?: number | Date;
}

/** How a host accepts leaves: browsers and tools that dial it without being hosts. */
export interface LeafOptions {
  /**
   * Verifies the token and returns the leaf's identity, which handlers see as `call.caller`: a non-empty string that is not
   * the name of a host; or an object with the identity and the end of the token's validity. It is also asked about the new
   * tokens of a leaf that is connected, which must be of the same identity.
   *
   * Any other result, such as `undefined` from a failed look-up, refuses the token, and so does an error: the leaf does not try
   * again by itself. A retryable error of the library, such as UnavailableError, says nothing about the token, and the leaf
   * does try again. The leaf is sent the `reason` of a RejectedError, and a neutral text for any other error; the `rejected`
   * event of the host has the text of the error itself.
   */
  authenticate(token: string, info: DialerInfo): string | LeafIdentity | Promise<string | LeafIdentity>;
  /** Origins of pages that may connect, compared exactly. Default: any. Dialers without an Origin header are not restricted. */
  readonly origins?: readonly string[];
  /** The routes that leaves may call. Default: all. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- contracts of any shapes.
  readonly routes?: readonly (Unary<any, any> | Duplex<any, any, any>)[];
  /** Maximum number of leaves at a time. Default 1 000. */
  readonly max?: number;
  /** Bounds of each leaf. */
  readonly limits?: LeafLimits;
}

const defaultMaxLeaves = 1_000;
/** What a leaf gets that calls a route which is not among those for leaves. */
const notAllowed: Refusal = {
  text: 'Leaves may not call this route. Add it to leaves.routes there.',
  error: { code: 'permission-denied', sent: false },
};
/** The reason that is sent to a leaf whose token is refused. The event of the host has the details. */
const notAuthenticated = 'the token is not accepted';

const list = (of: string): Rule => ({ expected: `a list of ${of}`, accepts: (value) => Array.isArray(value) });

// One that no browser sends would never match. `null` is the origin of files and of sandboxed frames.
function isOrigin(value: unknown): boolean {
  if (value === 'null') return true;
  if (typeof value !== 'string') return false;
  // Pages of extensions have schemes of their own, whose origin URL does not know.
  return /^[a-z][a-z\d+.-]*:\/\/[^/?#@\s]+$/.test(value) && !/^https?:.*[A-Z]/.test(value);
}

const leavesRules: Readonly<Record<keyof LeafOptions, Rule>> = {
  authenticate: aFunction('checks a token and gives the identity of the leaf'),
  origins: {
    expected:
      "a list of origins as browsers send them, such as ['https://host.example'], without a path or a slash at the end",
    accepts: (value) => Array.isArray(value) && value.every(isOrigin),
  },
  routes: list('routes'),
  max: whole(0),
  limits: anObject,
};

/** The leaves of one host. */
export class Leaves {
  readonly #endpoint: Endpoint;
  readonly #options: LeafOptions;
  readonly #name: string;
  readonly #isHost: (name: string) => boolean;
  readonly #list: LeafList;
  // Oldest first.
  readonly #connections = new Map<HostConnection, RouteConnection>();
  // Closed connections of the leaves that left most recently.
  readonly #gone = new Map<string, RouteConnection>();
  // By identity, while a leaf with that identity is connected or its handlers are still running.
  readonly #running = new Map<string, RunningHandlers>();
  #allowed: ReadonlySet<string> | undefined = undefined;

  /** `name` is the name of the host, which is sent to leaves. `isHost` returns true for the names of the cluster's hosts. */
  constructor(
    endpoint: Endpoint,
    options: LeafOptions,
    name: string,
    isHost: (name: string) => boolean,
    list: LeafList,
  ) {
    this.#list = list;
    checkOptions(options, leavesRules, { of: 'leaves', required: ['authenticate'], mayHaveOthers: true });
    if (options.limits !== undefined) checkOptions(options.limits, leafLimitRules, { of: 'leaves.limits' });
    this.#endpoint = endpoint;
    this.#options = options;
    this.#name = name;
    this.#isHost = isHost;
  }

  /** Number of connected leaves. */
  get size(): number {
    return this.#connections.size;
  }

  /**
   * Returns the connection to a leaf by its identity, the newest one if there are several. For a leaf that has left recently
   * it is a closed connection, so that code that has just been called by the leaf does not have to expect an exception.
   */
  get(identity: string): RouteConnection | undefined {
    let newest: RouteConnection | undefined;
    for (const [{ host }, routes] of this.#connections) if (host === identity) newest = routes;
    return newest ?? this.#gone.get(identity);
  }

  /** The connections of the leaves that are connected. */
  connections(): Iterable<HostConnection> {
    return this.#connections.keys();
  }

  /** Checks the Connect of a leaf. @throws Error whose text is the reason of the rejection. */
  async admit(request: ConnectRequest, info: DialerInfo): Promise<Admission> {
    const { origins, max = defaultMaxLeaves } = this.#options;
    checkClock(request, this.#endpoint);
    if (origins !== undefined && info.origin !== undefined && !origins.includes(info.origin)) {
      const text = `the origin ${info.origin} may not connect`;
      throw new RejectedError(text, text, 'permission-denied');
    }
    const checkRoom = (): void => {
      if (this.size >= max) throw new Error(`${String(max)} leaves are connected, which is the limit (leaves.max)`);
    };
    checkRoom();
    const { identity, expiresAt } = await this.#authenticate(request.token, info);
    return {
      name: this.#name,
      tls: this.#name.startsWith('https://'),
      ...(request.ext?.tok === 1 ? { ext: { tok: 1, ttl: ttlOf(expiresAt, this.#endpoint.runtime.wallNow()) } } : {}),
      check: () => {
        checkRoom();
        // A host with this name may have joined while the token was verified.
        this.#checkNoHost(identity);
      },
      open: (socket, agreement, remoteId) => {
        this.#open(socket, agreement, remoteId, info, identity, expiresAt);
      },
    };
  }

  /** Closes the connections of leaves whose identity is now the name of a host. */
  hostsChanged(): void {
    for (const connection of [...this.#connections.keys()]) if (this.#isHost(connection.host)) connection.link?.close();
  }

  close(): void {
    for (const connection of [...this.#connections.keys()]) {
      guarded(reportUnhandled, () => {
        connection.close();
      });
    }
    this.#connections.clear();
  }

  #open(
    socket: Socket,
    agreement: Agreement,
    remoteId: Uint8Array,
    info: DialerInfo,
    identity: string,
    expiresAt: number | undefined,
  ): void {
    const endpoint = this.#endpoint;
    const { limits = {} } = this.#options;
    const { runtime } = endpoint;
    const running = this.#runningOf(identity);
    const { connection, routes } = endpoint.connect(identity, running);
    const { bytesPerSecond } = limits;
    const link = endpoint.link(connection, {
      socket: bytesPerSecond === undefined ? socket : new ThrottledSocket(socket, bytesPerSecond, runtime),
      agreement,
      remoteId,
      caller: { name: identity, kind: 'leaf' },
      find: (handler, subroute) => leaf.find(handler, subroute),
    });
    const leaf = new ConnectedLeaf({
      ...{ link, runtime, limits, running, identity, expiresAt, find: this.#find },
      authenticate: (token) => this.#authenticate(token, info),
    });
    this.#connections.set(connection, routes);
    this.#list.arrived(connection, this.#stateOf(identity, info));
    connection.lost.subscribe((error) => {
      this.#list.left(connection, error ?? leaf.closedBecause);
      this.#connections.delete(connection);
      connection.close();
      this.#rememberGone(identity, routes);
    });
    connection.open(link);
  }

  #stateOf(identity: string, { address, origin }: DialerInfo): LeafState {
    return {
      identity: printable(identity),
      since: this.#endpoint.runtime.wallNow(),
      ...(address === undefined ? {} : { address }),
      ...(origin === undefined ? {} : { origin: printable(origin) }),
    };
  }

  async #authenticate(token: string, info: DialerInfo): Promise<Authenticated> {
    // Read within the check: what it returns, such as an entity of a database, may have getters that throw.
    const ask = async (): Promise<ReadIdentity> => readIdentity(await this.#options.authenticate(token, info));
    const { identity, expiry, shown } = await checkToken(notAuthenticated, ask, 'unauthenticated');
    const refuse = (what: string, reason = notAuthenticated): RejectedError =>
      new RejectedError(`The token of a leaf is refused: ${what}`, reason, 'unauthenticated');
    if (typeof identity !== 'string' || identity === '') {
      throw refuse(`leaves.authenticate gave ${shown} instead of an identity`);
    }
    if (Number.isNaN(expiry)) throw refuse('leaves.authenticate gave an expiresAt that is no date');
    if (expiry !== undefined && expiry <= this.#endpoint.runtime.wallNow()) {
      throw refuse('it has expired', 'the token has expired');
    }
    this.#checkNoHost(identity);
    return { identity, expiresAt: expiry };
  }

  #checkNoHost(identity: string): void {
    if (!this.#isHost(identity)) return;
    throw new RejectedError(
      `leaves.authenticate gave a leaf the identity ${identity}, which is the name of a host`,
      notAuthenticated,
      'unauthenticated',
    );
  }

  #runningOf(identity: string): RunningHandlers {
    let running = this.#running.get(identity);
    if (running === undefined) {
      running = new RunningHandlers(() => this.#running.delete(identity));
      this.#running.set(identity, running);
    }
    return running;
  }

  #rememberGone(identity: string, routes: RouteConnection): void {
    this.#gone.delete(identity);
    this.#gone.set(identity, routes);
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > maxGoneLeaves) this.#gone.delete(oldest!);
  }

  readonly #find: EngineOptions['find'] = (handler, subroute) => {
    const { routes } = this.#options;
    if (routes !== undefined) {
      this.#allowed ??= new Set(routes.map((route) => this.#endpoint.addressKey(route)));
      const key = subroute === undefined ? String(handler) : subrouteKey(subroute);
      if (!this.#allowed.has(key)) return notAllowed;
    }
    return this.#endpoint.find(handler, subroute);
  };
}

/** The result of `authenticate`; `shown` describes it without showing it. */
interface ReadIdentity {
  readonly identity: unknown;
  readonly expiry: number | undefined;
  readonly shown: string;
}

function readIdentity(given: unknown): ReadIdentity {
  const { identity, expiresAt } = (
    typeof given === 'object' && given !== null ? given : { identity: given }
  ) as Partial<LeafIdentity>;
  const expiry = expiresAt === undefined ? undefined : Number(expiresAt);
  return { identity, expiry, shown: describe(identity ?? given) };
}
