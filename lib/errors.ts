import { brandPrefix, hasBrand } from './error-brand.js';

export { errorText, toError, withoutStack } from './error-text.js';

/**
 * Base class of all errors that rxgrid throws or delivers. Distinguish errors by class or `code`, never by message: messages
 * are for people and may change.
 */
export abstract class GridError extends Error {
  /** Stable identifier of the kind of failure. */
  abstract readonly code: string;
  /** True when the same call may succeed later without any change by the caller. */
  readonly retryable: boolean = false;
  /**
   * False when no handler has begun to work on the call, so that calling again cannot do anything twice; true when one
   * may have.
   */
  readonly sent: boolean = true;
  /** Host at the other end of the call, as configured. Undefined for an error that belongs to no call. */
  readonly host: string | undefined = undefined;
  /** The route of the call, as its contract names it. Undefined for an error that belongs to no call. */
  readonly route: string | undefined = undefined;
  /** Which side of the call reported the error first: this one, or the other one. */
  readonly initiator: 'local' | 'remote' = 'local';

  /** @internal Names the class: a literal, because minifiers and bundlers rename classes. */
  static readonly brand: string = 'rxgrid.GridError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    const { brand, name } = new.target;
    // A user's subclass without a brand keeps its own name.
    this.name = Object.hasOwn(new.target, 'brand') ? brand.slice(brandPrefix.length) : name;
  }

  /**
   * Compares brands, not identities: if two copies of the package are loaded in one process (for instance one imported and one
   * required), an error of one copy is an instance of the class of the other.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (!Object.hasOwn(this, 'brand')) return Function.prototype[Symbol.hasInstance].call(this, value);
    return hasBrand(value, this.brand);
  }
}

/** What a schema, or a codec, finds wrong with a value. */
export interface SchemaIssue {
  /** Where in the value: keys and indices. Empty for the value as a whole. */
  readonly path: readonly (string | number)[];
  /** A text for people that describes the fault. */
  readonly message: string;
}

/** A payload, or a control payload, that cannot be encoded or decoded. */
export class CodecError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.CodecError';
  readonly code = 'codec';
  /** What the schema finds wrong; undefined where no schema was asked. */
  readonly issues: readonly SchemaIssue[] | undefined;

  constructor(message: string, options: ErrorOptions & { readonly issues?: readonly SchemaIssue[] } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.issues = options.issues;
  }
}

/** The other side broke the wire protocol, or its bytes do not parse. */
export class ProtocolError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.ProtocolError';
  readonly code = 'protocol';
}

/** What the other side of a call says of an error, beside its text. */
export interface RemoteErrorDetails {
  /** Code of the error. */
  readonly code?: string | undefined;
  readonly retryable?: boolean | undefined;
  /** See {@link GridError.sent}. */
  readonly sent?: boolean | undefined;
  /** Data of a declared error, not decoded. */
  readonly data?: unknown;
  readonly cause?: unknown;
}

/**
 * The handler at the other end failed. The message is the text that it sent. `code` is the code of the error that the
 * handler declared with `defineError`, or one of the library's:
 *
 * - `internal`: the handler failed with an error that it does not declare;
 * - `invalid-argument`: the request, or an item of the input, does not fit the route; see InvalidArgumentError;
 * - `permission-denied`, `unauthenticated`, `resource-exhausted`, `unavailable`: see the classes of these names;
 * - `deadline-exceeded`, `cancelled`: a call that the handler made itself ended so;
 * - `remote`: the other side sends no codes, as a reference peer.
 */
export class RemoteError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.RemoteError';
  readonly code: string;
  override readonly retryable: boolean;
  override readonly sent: boolean;
  override readonly initiator: 'local' | 'remote' = 'remote';
  /** Data of the error: bytes where the contract of the call does not name the error; undefined where there is none. */
  readonly data: unknown;

  constructor(message: string, details: RemoteErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code ?? 'remote';
    this.retryable = details.retryable ?? false;
    this.sent = details.sent ?? true;
    this.data = details.data;
  }
}

/**
 * The other end refused to start the call, so no handler ran. The message names the route and the host, and ends with the
 * text of the other end. `code` says why:
 *
 * - `unimplemented`: there is no such route, or it is of the other kind;
 * - `resource-exhausted`: a bound of the other end is reached; calling again later may succeed;
 * - `permission-denied`: leaves may not call the route;
 * - `unavailable`: the other end takes no new calls;
 * - `refused`: the other end sends no codes, as a reference peer.
 */
export class RefusedError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.RefusedError';
  readonly code: string;
  override readonly retryable: boolean;
  override readonly sent: boolean = false;
  override readonly initiator: 'local' | 'remote' = 'remote';
  /** The text of the side that refused. */
  readonly reason: string;
  /** Data of the error, not decoded; undefined where there is none. */
  readonly data: unknown;

  constructor(message: string, reason = message, details: RemoteErrorDetails = {}) {
    super(message);
    this.reason = reason;
    this.code = details.code ?? 'refused';
    this.retryable = details.retryable ?? false;
    this.data = details.data;
  }
}

/** The deadline of a call passed before its end. */
export class DeadlineExceededError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.DeadlineExceededError';
  readonly code = 'deadline-exceeded';
  override readonly retryable = true;
  /** False when nothing of the call can have reached the other side; true when it may have. */
  override readonly sent: boolean;

  constructor(message: string, details: { sent?: boolean; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.sent = details.sent ?? true;
  }
}

/** The call was cancelled on this side, for instance by `cancel()` of an open stream without a reason, or it ended before its input did. */
export class CancelledError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.CancelledError';
  readonly code = 'cancelled';
}

/** There is no connection to the host, or it was lost before the call ended. */
export class DisconnectedError<Reconnected = unknown> extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.DisconnectedError';
  readonly code: 'disconnected' | 'unavailable' = 'disconnected';
  override readonly retryable = true;
  /** False when nothing of the call can have reached the other side; true when it may have. */
  override readonly sent: boolean;
  /** Host at the other end, as configured. */
  override readonly host: string;
  /** True where the route of the call is declared idempotent: to call again does no harm, even where `sent`. */
  readonly idempotent: boolean;

  // Private, so that an error that is printed does not show the insides of an Observable.
  readonly #reconnected: Reconnected;

  constructor(
    message: string,
    details: { sent: boolean; host: string; reconnected: Reconnected; idempotent?: boolean; cause?: unknown },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.sent = details.sent;
    this.host = details.host;
    this.idempotent = details.idempotent ?? false;
    this.#reconnected = details.reconnected;
  }

  /** Emits once when the connection is back, and completes; an `Observable<void>`. */
  get reconnected(): Reconnected {
    return this.#reconnected;
  }
}

/**
 * The other host, or this one, is draining: it takes no new calls, and nothing of this one was sent. Its `code` is
 * `unavailable`; `reconnected` emits when there is a connection that takes calls.
 */
export class DrainingError<Reconnected = unknown> extends DisconnectedError<Reconnected> {
  /** @internal */
  static override readonly brand: string = 'rxgrid.DrainingError';
  override readonly code = 'unavailable';

  constructor(
    message: string,
    details: { host: string; reconnected: Reconnected; idempotent?: boolean; cause?: unknown },
  ) {
    super(message, { ...details, sent: false });
  }
}

/** A bound was reached. The message names the bound, its value and the option that raises it. */
export class LimitError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.LimitError';
  readonly code = 'limit';
  /** Name of the option that holds the bound. */
  readonly limit: string;

  constructor(message: string, limit: string) {
    super(message);
    this.limit = limit;
  }
}

/** An Observable produced faster than the other side consumed, and its buffer is full. */
export class BufferOverflowError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.BufferOverflowError';
  readonly code = 'buffer-overflow';
}

/** An option, a route or a host name that cannot work. The message says what to change. */
export class ConfigurationError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.ConfigurationError';
  readonly code = 'configuration';
}

/** An interceptor broke its rules, for instance one that emits two responses for a unary call. The message names it. */
export class InterceptorError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.InterceptorError';
  readonly code = 'interceptor';
}

/** A handler broke its contract, for instance a unary handler that gave no item or two. */
export class HandlerError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.HandlerError';
  readonly code = 'handler';
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
 * @internal Completes the error of a call with the facts of the call. The library has just made the error, for this call
 * alone. One that says already which route it is of, because it came through an input or an interceptor, stays as it is.
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
