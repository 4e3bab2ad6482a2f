import { GridError } from './grid-error.js';

/**
 * There is no connection to the host, or it was lost before the call ended. `code` says what helps:
 *
 * - `disconnected`: nothing but another connection, which is made by itself while `retryable`; a connection that is
 *   closed for good is not, and its calls are not retryable;
 * - `unauthenticated`: the host refuses the token of this leaf: give another one and call `reconnect()`. Not retryable;
 * - `permission-denied`: the host does not let this leaf in. Once it does, call `reconnect()`. Not retryable;
 * - `unavailable`: see {@link DrainingError}.
 */
export class DisconnectedError<Reconnected = unknown> extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.DisconnectedError';
  readonly code: 'disconnected' | 'unavailable' | 'unauthenticated' | 'permission-denied';
  override readonly retryable: boolean;
  /** False when nothing of the call can have reached the other side; true when it may have. */
  override readonly sent: boolean;
  /** Host at the other end, as configured. */
  override readonly host: string;
  /** True where the route of the call is declared idempotent: to call again does no harm, even where `sent`. */
  readonly idempotent: boolean;

  // Private, so that an error that is printed does not show the insides of an Observable.
  readonly #reconnected: Reconnected;
  readonly #now: ((sent: boolean) => DisconnectedError) | undefined;

  /** Without `code` it is `disconnected`, and without `retryable` the same call may succeed later. */
  constructor(
    message: string,
    details: {
      sent: boolean;
      host: string;
      reconnected: Reconnected;
      code?: 'disconnected' | 'unavailable' | 'unauthenticated' | 'permission-denied' | undefined;
      retryable?: boolean;
      idempotent?: boolean;
      cause?: unknown;
      /** @internal Creates the error that such a call gets now. */
      now?: (sent: boolean) => DisconnectedError;
    },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code ?? 'disconnected';
    this.retryable = details.retryable ?? true;
    this.sent = details.sent;
    this.host = details.host;
    this.idempotent = details.idempotent ?? false;
    this.#reconnected = details.reconnected;
    this.#now = details.now;
  }

  /**
   * Emits once when the connection is back, and completes; an `Observable<void>`. Completes without a value where it
   * does not come back by itself: it is closed for good, or the other side refuses it.
   */
  get reconnected(): Reconnected {
    return this.#reconnected;
  }

  /**
   * @internal The error of this call as things stand now: the connection may have been refused, or closed, since it
   * failed.
   */
  get current(): DisconnectedError {
    const { host, route, sent, idempotent } = this;
    const now = this.#now?.(sent) ?? this;
    return route === undefined ? now : completeError(now, { host, route, sent, idempotent });
  }
}

/**
 * The other host, or this one, is draining: it takes no new calls, and nothing of this one was sent. Its `code` is
 * `unavailable`; `reconnected` emits when there is a connection that takes calls.
 */
export class DrainingError<Reconnected = unknown> extends DisconnectedError<Reconnected> {
  /** @internal */
  static override readonly brand: string = 'rxgrid.DrainingError';
  declare readonly code: 'unavailable';

  constructor(
    message: string,
    details: {
      host: string;
      reconnected: Reconnected;
      idempotent?: boolean;
      cause?: unknown;
      /** @internal */
      now?: (sent: boolean) => DisconnectedError;
    },
  ) {
    super(message, { ...details, code: 'unavailable', sent: false });
  }
}

/** What an error of a call says of that call. */
export interface CallFacts {
  readonly host: string;
  readonly route: string;
  readonly sent?: boolean | undefined;
  /** True where the route is declared idempotent. */
  readonly idempotent?: boolean;
}

/**
 * Completes the error of a call with the facts of the call. The library has just made the error, for this call alone.
 * One that says already which route it is of, because it came through an input or an interceptor, stays as it is.
 */
export function completeError<E extends GridError>(error: E, { host, route, sent, idempotent }: CallFacts): E {
  if (error.route !== undefined || Object.isFrozen(error)) return error;
  const open = error as { -readonly [Key in keyof CallFacts]: CallFacts[Key] };
  open.host = host;
  open.route = route;
  if (sent !== undefined) open.sent = sent;
  if (idempotent === true && error instanceof DisconnectedError) open.idempotent = true;
  return error;
}
