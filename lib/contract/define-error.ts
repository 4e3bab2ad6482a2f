import { checkOptions, anything, oneOf } from '../check.js';
import { hasBrand } from '../error-brand.js';
import { ConfigurationError, RemoteError, type SchemaIssue } from '../errors.js';
import { msgpack } from '../codec/msgpack-codec.js';
import type { Codec, Received, Sent, Shape, TypeOnly } from '../codec/codec.js';
import { maxErrorCodeBytes } from '../wire/payloads/call-error.js';

/**
 * An error that contracts name, with a code and data. A handler throws it; a caller whose contract names its class gets
 * an instance of that class. Its classes are made by {@link defineError}.
 */
export abstract class DeclaredError<C extends string = string, D = unknown> extends RemoteError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.DeclaredError';
  declare readonly code: C;
  /** What the handler gave; at a caller, as the shape decodes it. */
  declare readonly data: D;
  override readonly initiator: 'local' | 'remote' = 'local';
}

/** Options of an error that is thrown. */
export interface DeclaredErrorOptions {
  /** What led to it. It stays in the process: it is not sent. */
  readonly cause?: unknown;
}

/** The class of a declared error. Made by {@link defineError}. */
export interface ErrorClass<C extends string = string, D extends Shape = Shape> {
  /** Identifies the error on the wire: the same at both sides. */
  readonly code: C;
  /** Shape of its data. */
  readonly shape: D;
  /** True: the same call may succeed later without any change by the caller. */
  readonly retryable: boolean;
  new (message: string, ...data: DataArguments<D>): DeclaredError<C, Received<D>>;
  readonly prototype: DeclaredError<C, Received<D>>;
}

/** The class of any declared error. */
export interface AnyErrorClass {
  readonly code: string;
  readonly shape: Shape;
  readonly retryable: boolean;
  new (message: string, data: never, options?: DeclaredErrorOptions): DeclaredError;
}

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- the type of a shape that is left out.
type DataArguments<D> = [Sent<D>] extends [void]
  ? [data?: undefined, options?: DeclaredErrorOptions]
  : [data: Sent<D>, options?: DeclaredErrorOptions];

/** Options of {@link defineError}. */
export interface ErrorDefinition<D extends Shape> {
  /** Shape of the data: a type, a codec or a schema, as in a route. Default: there is no data. */
  readonly data?: D;
  /** True: the same call may succeed later without any change by the caller. Default false. */
  readonly retryable?: boolean;
}

/** Codes that mean something to the library: an error of a contract cannot have one of them. */
const libraryCodes: ReadonlySet<string> = new Set([
  ...['internal', 'unimplemented', 'invalid-argument', 'permission-denied', 'unauthenticated', 'resource-exhausted'],
  ...['unavailable', 'remote', 'refused', 'cancelled', 'deadline-exceeded', 'disconnected', 'rejected', 'limit'],
  ...['codec', 'protocol', 'buffer-overflow', 'configuration', 'handler', 'interceptor'],
]);

/**
 * Defines an error that crosses the wire: `code` identifies it. Name the class in the `errors` of the routes whose
 * handlers throw it. `instanceof` compares the code, so it also works where two copies of the package, or of the
 * contract, are loaded.
 *
 * @throws ConfigurationError for a code that is empty, too long, or the library's own, and for an unknown option.
 *
 * @example
 * export const QuotaExceeded = defineError('quota-exceeded', { data: type<{ limit: number }>() });
 * export const put = unary({ id: 12, name: 'put', request: type<Item>(), errors: [QuotaExceeded] });
 * grid.handle(put, () => { throw new QuotaExceeded('The bucket is full.', { limit: 10 }); });
 */
export function defineError<const C extends string, D extends Shape = TypeOnly<void>>(
  code: C,
  definition: ErrorDefinition<D> = {},
): ErrorClass<C, D> {
  if (typeof code !== 'string' || code === '' || new TextEncoder().encode(code).length > maxErrorCodeBytes) {
    throw new ConfigurationError(
      `The code of an error must be a text of 1 to ${String(maxErrorCodeBytes)} bytes, such as 'quota-exceeded'.`,
    );
  }
  if (libraryCodes.has(code)) {
    throw new ConfigurationError(
      `The error code ${code} is the library's own. Take another one, or the library's class.`,
    );
  }
  return makeErrorClass(code, definition);
}

function makeErrorClass<const C extends string, D extends Shape = TypeOnly<void>>(
  code: C,
  definition: ErrorDefinition<D>,
  className = toClassName(code),
): ErrorClass<C, D> {
  checkOptions(definition, { data: anything, retryable: oneOf(true, false) }, { of: `The error ${code}` });
  const { data: shape = nothing as Shape as D, retryable = false } = definition;
  const made = class extends DeclaredError<C, Received<D>> {
    static override readonly brand: string = `rxgrid.error.${code}`;
    static readonly code = code;
    static readonly shape = shape;
    static readonly retryable = retryable;

    constructor(message: string, data?: Received<D>, options: DeclaredErrorOptions = {}) {
      super(message, { code, retryable, data, cause: options.cause });
      this.name = className;
    }

    // A user's subclass has no brand of its own, and is the same error.
    static override [Symbol.hasInstance](value: unknown): boolean {
      return hasBrand(value, this.brand);
    }
  };
  Object.defineProperty(made, 'name', { value: className });
  return made as unknown as ErrorClass<C, D>;
}

// As in contract.ts: there is no data, and not data of any type.
const nothing: TypeOnly<void> & { readonly nothing: true } = { typeOnly: true, nothing: true };

/** `quota-exceeded` becomes `QuotaExceeded`. */
function toClassName(code: string): string {
  return code
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
}

// The data of the library's own errors is MessagePack, whatever codec the routes use: an engine writes it, which knows
// none.
const libraryData = <T>(): Codec<T> => msgpack<T>({ maxDepth: 8, maxItems: 4_096 });

/** The request, or an item of the input, does not fit the route. The handler has not begun, or its input has failed. */
export class InvalidArgumentError extends makeErrorClass(
  'invalid-argument',
  { data: libraryData<{ readonly issues: readonly SchemaIssue[] }>() },
  'InvalidArgumentError',
) {}

/** The caller may not do this. An interceptor or a handler throws it. */
export class PermissionDeniedError extends makeErrorClass('permission-denied', {}, 'PermissionDeniedError') {}

/** The caller is not authenticated. An interceptor or a handler throws it. */
export class UnauthenticatedError extends makeErrorClass('unauthenticated', {}, 'UnauthenticatedError') {}

/** A bound of the other side is reached; `data.limit` names it. Calling again later may succeed. */
export class ResourceExhaustedError extends makeErrorClass(
  'resource-exhausted',
  { data: libraryData<{ readonly limit: string }>(), retryable: true },
  'ResourceExhaustedError',
) {}

/** The other side, or one that it calls itself, cannot serve the call now. Calling again later may succeed. */
export class UnavailableError extends makeErrorClass('unavailable', { retryable: true }, 'UnavailableError') {}

/** The library's own errors that handlers may throw, and that every caller gets as instances of their classes. */
export const libraryErrors: readonly AnyErrorClass[] = [
  InvalidArgumentError,
  PermissionDeniedError,
  UnauthenticatedError,
  ResourceExhaustedError,
  UnavailableError,
];
