import type { StandardSchemaV1 } from '@standard-schema/spec';

import { CodecError } from '../errors.js';
import { keep } from '../lent.js';
import type { RegionForm, RegionItem } from './region-item.js';

/**
 * Converts values to payloads and back. Routes that declare no codec use that of the manager.
 *
 * `undefined` is no payload: codecs of rxgrid encode it as zero bytes, and all but {@link raw} decode zero bytes as
 * `undefined`. A codec of your own should do the same, so that routes without a request or a response work with it.
 */
export interface Codec<T> {
  /** Name of the encoding, for descriptions of routes and for the texts of errors. */
  readonly codec: string;
  /**
   * Encodes a value.
   *
   * @throws CodecError if the codec cannot represent the value.
   */
  encode(value: T): Uint8Array;
  /**
   * True: {@link decode} copies whatever its value retains of the bytes, so it may be given bytes that are overwritten
   * as soon as it returns. Payloads are then decoded where they were received, and nothing is allocated for them.
   * Default: `decode` gets bytes that are never overwritten, which costs a copy of each message.
   */
  readonly inPlace?: boolean;
  /**
   * Decodes a payload. The bytes may be a view into a received message. A value that retains part of them keeps up to
   * 64 KiB of that message in memory, so a codec should copy what it retains (and may then say so: {@link inPlace}).
   *
   * @throws CodecError if the bytes are not a result of `encode`. They come from the other side and can be anything.
   */
  decode(bytes: Uint8Array): T;
}

/**
 * Key of codecs whose values may share memory with the payload, because they pass it through {@link keep}. It is not
 * registered: another copy of the package in the process knows nothing of the messages that this one has lent, so what
 * it calls `keep` returns bytes that will be overwritten.
 */
export const keepsPayload: unique symbol = Symbol('rxgrid.keepsPayload');

/** See {@link keepsPayload}. */
export type KeepingCodec<T> = RegionCodec<T> & { readonly [keepsPayload]: true };

/**
 * A codec of a route that carries the bytes of files: a region item, such as a file region, may stand for many items.
 */
export interface RegionCodec<T> extends Codec<T> {
  /** Unchanged, or each preceded by its kind. */
  readonly regions: RegionForm;
}

/** A codec for arbitrary values, such as that of a manager for routes that declare none. */
export type PayloadCodec = Codec<unknown>;

/** A shape that exists only as a type: created by {@link type}, encoded by the manager's codec, and not validated. */
export interface TypeOnly<T> {
  /** Distinguishes this shape from a codec and a schema. */
  readonly typeOnly: true;
  /** Carries the type for inference. There is no such property at run time. */
  readonly _t?: T;
}

/**
 * The declaration of a payload in a route: a codec (its own encoding), a type (the manager's codec, not validated), or
 * a schema of zod, valibot, arktype or another library that follows Standard Schema (the manager's codec, and
 * validation).
 */
export type Shape = Codec<unknown> | TypeOnly<unknown> | StandardSchemaV1;

/** True for a shape. Never throws. A schema may be a function, as those of arktype are. */
export function isShape(value: unknown): value is Shape {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    if ('codec' in value) {
      const { encode, decode } = value as Partial<Codec<unknown>>;
      return typeof encode === 'function' && typeof decode === 'function';
    }
    if ('typeOnly' in value) return true;
    const standard = (value as Partial<StandardSchemaV1>)['~standard'];
    return typeof standard?.validate === 'function';
  } catch {
    return false;
  }
}

/** The type that a sender passes for a shape: the input of a schema, or the type of a codec. */
export type Sent<S> =
  S extends StandardSchemaV1<infer I, unknown>
    ? I
    : S extends Codec<infer T>
      ? T
      : S extends TypeOnly<infer T>
        ? T
        : never;

/** The type of an item for a shape: what a sender passes, or a file region if the route carries files. */
export type SentItem<S> = S extends RegionCodec<unknown> ? Sent<S> | RegionItem : Sent<S>;

/**
 * The type that a receiver gets for a shape: the output of a schema (after defaults, coercion, transforms), or the type
 * of a codec.
 */
export type Received<S> =
  S extends StandardSchemaV1<unknown, infer O>
    ? O
    : S extends Codec<infer T>
      ? T
      : S extends TypeOnly<infer T>
        ? T
        : never;

/**
 * Declares the type of a payload without validation at run time: `type<DiskQuery>()`. Use a schema if the other side is
 * not trusted to conform.
 */
export function type<T>(): TypeOnly<T> {
  return { typeOnly: true };
}

/**
 * Opaque bytes. The receiver owns the decoded value: it is never overwritten. Values that arrived together share
 * memory, so a small one that is retained for long holds up to 64 KiB: copy it (`bytes.slice()`) where that matters.
 * `encode` throws CodecError for anything but a Uint8Array; `undefined`, from untyped code, is encoded as zero bytes.
 */
export const raw: RegionCodec<Uint8Array> = {
  codec: 'raw',
  [keepsPayload]: true,
  regions: 'raw',
  encode(value: unknown): Uint8Array {
    if (isBytes(value)) return value;
    if (value === undefined) return new Uint8Array(0);
    throw new CodecError(
      `Cannot encode ${value === null ? 'null' : typeof value} as raw bytes: give a Uint8Array, or name a type or a schema in the route.`,
    );
  },
  decode: keep,
} as KeepingCodec<Uint8Array>;

/** True for a Uint8Array of any realm: in a sandbox, such as jest, built-in functions return those of another realm. */
export function isBytes(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array) return true;
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/**
 * A payload that does not decode is the caller's fault: the error goes to the caller, and is not reported as the
 * handler's.
 */
export function isCallersFault(error: unknown): error is CodecError {
  return error instanceof CodecError;
}
