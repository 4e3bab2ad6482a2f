import { GridError } from './grid-error.js';

export { completeError, DisconnectedError, DrainingError, type CallFacts } from './disconnected-error.js';
export { errorText, toError, withoutStack } from './error-text.js';
export { GridError } from './grid-error.js';

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
 * The handler at the other end failed. The message is the text that it sent, unchanged: it may have control characters,
 * which a terminal acts on, so escape them before printing it. (The events of a manager and the `rxgrid` command do.)
 * `code` is the code of the error that the handler declared with `defineError`, or one of the library's:
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
 * The other end refused to start the call, so no handler ran. The message names the route and the host, and ends with
 * the text of the other end. `code` says why:
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

/**
 * The call was cancelled on this side, for instance by `cancel()` of an open stream without a reason, or it ended
 * before its input did.
 */
export class CancelledError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.CancelledError';
  readonly code = 'cancelled';
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

/**
 * An option, a route or a host name that cannot work, found before anything is sent. The message says what to change.
 */
export class ConfigurationError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.ConfigurationError';
  readonly code = 'configuration';
  override readonly sent: boolean = false;
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
