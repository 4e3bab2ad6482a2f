/**
 * Base of every error that rxgrid throws or delivers. Tell errors apart by class or by `code`, never by their text:
 * texts are for people and may change.
 */
export abstract class GridError extends Error {
  /** Stable identifier of the kind of failure. */
  abstract readonly code: string;
  /** True when the same call may succeed later without any change by the caller. */
  readonly retryable: boolean = false;

  /** @internal Names the class: a literal, because minifiers and bundlers rename classes. */
  static readonly brand: string = 'rxgrid.GridError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    const { brand, name } = new.target;
    // A class of a user's, without a brand of its own, has the name that it has.
    this.name = Object.hasOwn(new.target, 'brand') ? brand.slice(brandPrefix.length) : name;
  }

  /**
   * By brand, not by identity: where two copies of the package are in one process (one that was imported and one that was
   * required, for instance), an error of the one is an instance of the class of the other.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (!Object.hasOwn(this, 'brand')) return Function.prototype[Symbol.hasInstance].call(this, value);
    const { brand } = this;
    return brandsOf(value).includes(brand);
  }
}

const brandPrefix = 'rxgrid.';

/** The brands of the classes that an error is of. None for what is no object, or cannot be looked at. */
function brandsOf(value: unknown): string[] {
  const brands: string[] = [];
  if (typeof value !== 'object' || value === null) return brands;
  try {
    for (let at: unknown = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
      if (!Object.hasOwn(at as object, 'constructor')) continue;
      const { constructor } = at as { readonly constructor: unknown };
      if (typeof constructor !== 'function' || !Object.hasOwn(constructor, 'brand')) continue;
      const { brand } = constructor as unknown as { readonly brand: unknown };
      if (typeof brand === 'string' && brand.startsWith(brandPrefix)) brands.push(brand);
    }
  } catch {
    // A Proxy.
  }
  return brands;
}

/** A payload, or a control payload, that cannot be encoded or decoded. */
export class CodecError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.CodecError';
  readonly code = 'codec';
}

/** The other side broke the wire protocol, or its bytes do not parse. */
export class ProtocolError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.ProtocolError';
  readonly code = 'protocol';
}

/** The handler at the other end failed. The message is the text that it sent; the protocol carries no codes. */
export class RemoteError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.RemoteError';
  readonly code = 'remote';
}

/**
 * The other end refused to start the call: no such route, another kind of route, or too many calls. The message names the
 * route and the host, and ends with the text of the other end.
 */
export class RefusedError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.RefusedError';
  readonly code = 'refused';
  /** The text of the side that refused. */
  readonly reason: string;

  constructor(message: string, reason = message) {
    super(message);
    this.reason = reason;
  }
}

/** The deadline of a call passed before its end. */
export class DeadlineExceededError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.DeadlineExceededError';
  readonly code = 'deadline-exceeded';
  override readonly retryable = true;
  /** False when nothing of the call can have reached the other side; true when it may have. */
  readonly sent: boolean;

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
  readonly code = 'disconnected';
  override readonly retryable = true;
  /** False when nothing of the call can have reached the other side; true when it may have. */
  readonly sent: boolean;
  /** Host at the other end, as configured. */
  readonly host: string;
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

  /** @internal The same error, of a call whose route is declared idempotent. */
  ofIdempotentCall(): DisconnectedError<Reconnected> {
    const { message, sent, host, reconnected, cause } = this;
    // One for each call of a connection that is lost.
    return withoutStack(() => new DisconnectedError(message, { sent, host, reconnected, idempotent: true, cause }));
  }
}

/** The handshake ended with a rejection. `reason` is the text of the side that rejected. */
export class RejectedError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.RejectedError';
  readonly code = 'rejected';
  override readonly retryable = true;
  /** The text of the side that rejected. */
  readonly reason: string;

  constructor(message: string, reason: string) {
    super(message);
    this.reason = reason;
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

/** A handler broke its contract, for instance a unary handler that gave no item or two. */
export class HandlerError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.HandlerError';
  readonly code = 'handler';
}

/**
 * Makes an error without a stack trace, which takes most of its time: for errors that come in great numbers at once, or that
 * hardly anybody looks at, and whose stack would show nothing but this library.
 */
export function withoutStack<E>(make: () => E): E {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * The text that goes to the other side for an error of any kind. Never a stack. It never throws, whatever was thrown.
 *
 * By its properties, not by `instanceof`: an error may be of another realm (Node's own are, in a vm context such as a
 * file of jest), and what somebody threw need not be an Error at all.
 */
export function errorText(error: unknown): string {
  try {
    if (typeof error === 'string') return error;
    if (typeof error === 'number' || typeof error === 'boolean' || typeof error === 'bigint') return String(error);
    if (typeof error !== 'object' || error === null) return 'unknown error';
    const { message } = error as { readonly message?: unknown };
    if (typeof message === 'string' && message !== '') return message;
    const { name } = error as { readonly name?: unknown };
    return typeof name === 'string' && name !== '' ? name : 'unknown error';
  } catch {
    // A getter, or a Proxy.
    return 'an error whose message cannot be read';
  }
}

/** What was thrown as an Error: itself where it is one, of this realm or another; else one with its text, and it as the cause. */
export function toError(thrown: unknown): Error {
  try {
    // The second test knows the errors of another realm.
    if (thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]') return thrown as Error;
  } catch {
    // A Proxy: as what it is, it is of no use.
  }
  return new Error(errorText(thrown), { cause: thrown });
}
