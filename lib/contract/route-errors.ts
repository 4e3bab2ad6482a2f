import { completeError, GridError, RefusedError, RemoteError } from '../errors.js';
import type { Codec, PayloadCodec } from '../codec/codec.js';
import { libraryErrors, type AnyErrorClass, type DeclaredError } from './define-error.js';
import { isNothing } from './contract.js';
import { codecOf } from './shape-codec.js';

interface DecodableError {
  readonly made: AnyErrorClass;
  readonly data: Codec<unknown>;
}

/**
 * The errors that calls of a route can fail with as instances of their classes: those of its contract, and the
 * library's.
 */
export class RouteErrors {
  readonly #codec: PayloadCodec;
  readonly #byCode = new Map<string, DecodableError>();

  /** `codec` encodes the data of shapes that are not codecs themselves. */
  constructor(declared: readonly AnyErrorClass[], codec: PayloadCodec) {
    this.#codec = codec;
    for (const made of [...libraryErrors, ...declared]) {
      this.#byCode.set(made.code, { made, data: codecOf(made.shape, codec, `The data of the error ${made.code}`) });
    }
  }

  /**
   * Encodes the data of an error that a handler threw; undefined where there is none. @throws what the codec throws.
   */
  encode(error: DeclaredError): Uint8Array | undefined {
    const { shape, code } = error.constructor as unknown as AnyErrorClass;
    const payload = codecOf(shape, this.#codec, `The data of the error ${code}`, true).encode(error.data);
    return payload.length === 0 ? undefined : payload;
  }

  /** True where a caller gets an error of this code as an instance of its class. */
  has(code: string): boolean {
    return this.#byCode.has(code);
  }

  /** Converts an error that came from the other side. One whose data does not fit its class stays as it is. */
  decode(error: RemoteError): RemoteError {
    const known = this.#byCode.get(error.code);
    if (known === undefined) return error;
    try {
      const { retryable, sent, message } = error;
      const data = decodeData(known, error.data);
      // An instance without the data that its type promises would fail where it is used.
      if (data === undefined && !isNothing(known.made.shape)) return error;
      const decoded = new known.made(message, data as never);
      // What the other side says counts: it may know better than the class.
      Object.assign(decoded, { retryable, sent, initiator: 'remote' });
      return decoded;
    } catch {
      return error;
    }
  }

  /** The data of a refusal; undefined where there is none that fits. */
  dataOf({ code, data }: RefusedError): unknown {
    const known = this.#byCode.get(code);
    if (known === undefined || data === undefined) return undefined;
    try {
      return decodeData(known, data);
    } catch {
      return undefined;
    }
  }
}

function decodeData({ data }: DecodableError, bytes: unknown): unknown {
  return data.decode((bytes as Uint8Array | undefined) ?? new Uint8Array(0));
}

/** What the error of a call needs to know of its route. */
interface RouteOfError {
  readonly name: string;
  readonly idempotent: boolean;
  readonly errors: RouteErrors;
}

/**
 * Converts what ended a call to the error that its caller receives: with the facts of the call, as an instance of its
 * class where the contract names that. Only the route states whether the call may be repeated, and a host that refuses
 * a call may not know the route's name. `sent`: overrides what the error says.
 */
export function errorOfCall(route: RouteOfError, host: string, error: unknown, sent?: boolean): unknown {
  try {
    // One with a route is of another call: it came through an input or an interceptor.
    return error instanceof GridError && error.route === undefined ? convert(route, host, error, sent) : error;
  } catch {
    // A reason of the user's may be anything, such as a Proxy.
    return error;
  }
}

function convert(
  { name, idempotent, errors }: RouteOfError,
  host: string,
  error: GridError,
  sent?: boolean,
): GridError {
  const facts = { host, route: name, idempotent, sent };
  if (error instanceof RefusedError) {
    const { reason, code, retryable } = error;
    const text = `${name}: ${host} refused the call: ${reason}`;
    return completeError(new RefusedError(text, reason, { code, retryable, data: errors.dataOf(error) }), facts);
  }
  return completeError(error instanceof RemoteError ? errors.decode(error) : error, facts);
}
