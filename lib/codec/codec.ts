import type { StandardSchemaV1 } from '@standard-schema/spec';

import { CodecError } from '../errors.js';
import type { RegionForm, RegionItem } from './region-item.js';

/**
 * Turns values into payloads and back. Where a route names no codec of its own, the manager's is used.
 *
 * `undefined` is no payload: codecs of rxgrid encode it as zero bytes, and all but {@link raw} decode zero bytes as
 * `undefined`. A codec of your own should do the same, so that routes without a request or a response work with it.
 */
export interface Codec<T> {
  /** Name of the encoding, for descriptions of routes and for the texts of errors. */
  readonly codec: string;
  /**
   * Gives the payload for a value.
   *
   * @throws CodecError when the codec cannot express the value.
   */
  encode(value: T): Uint8Array;
  /**
   * Gives the value of a payload. The bytes may be a view into a received message: what the value retains of them
   * keeps that message in memory, so a codec copies it or says so.
   *
   * @throws CodecError when the bytes are not what `encode` makes. They come from the other side: expect anything.
   */
  decode(bytes: Uint8Array): T;
}

/** A codec of a route that carries the bytes of files: a region item, such as a file region, may stand for many items. */
export interface RegionCodec<T> extends Codec<T> {
  /** As they are, or each behind its kind. */
  readonly regions: RegionForm;
}

/** A codec for values of any kind, as a manager takes one for the routes that name none. */
export type PayloadCodec = Codec<unknown>;

/** A shape that is known to TypeScript alone: made by {@link type}, encoded by the manager's codec, checked by nobody. */
export interface TypeOnly<T> {
  /** Tells this shape from a codec and from a schema. */
  readonly typeOnly: true;
  /** Holds the type for inference. There is no such property when the program runs. */
  readonly _t?: T;
}

/**
 * What a route says about a payload: a codec (its own encoding), a type (the manager's codec, unchecked), or a schema of
 * zod, valibot, arktype or another library that follows Standard Schema (the manager's codec, and validation).
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

/** What a sender gives for a shape: the input of a schema, or the type of a codec. */
export type Sent<S> =
  S extends StandardSchemaV1<infer I, unknown>
    ? I
    : S extends Codec<infer T>
      ? T
      : S extends TypeOnly<infer T>
        ? T
        : never;

/** What may be given as an item for a shape: what a sender gives, and where the route carries files, a file region. */
export type SentItem<S> = S extends RegionCodec<unknown> ? Sent<S> | RegionItem : Sent<S>;

/** What the receiver of a shape gets: the output of a schema (after defaults, coercion, transforms), or the type of a codec. */
export type Received<S> =
  S extends StandardSchemaV1<unknown, infer O>
    ? O
    : S extends Codec<infer T>
      ? T
      : S extends TypeOnly<infer T>
        ? T
        : never;

/**
 * Names the type of a payload without a check at run time: `type<DiskQuery>()`. Use a schema where the other side is not
 * trusted to send what it promised.
 */
export function type<T>(): TypeOnly<T> {
  return { typeOnly: true };
}

/**
 * Bytes as they are. What it decodes is a view into the received message: copy (`bytes.slice()`) what you keep.
 * `encode` throws CodecError for anything that is no Uint8Array; `undefined`, from a caller without types, gives zero bytes.
 */
export const raw: RegionCodec<Uint8Array> = {
  codec: 'raw',
  regions: 'raw',
  encode(value: unknown): Uint8Array {
    if (isBytes(value)) return value;
    if (value === undefined) return new Uint8Array(0);
    throw new CodecError(
      `Cannot encode ${value === null ? 'null' : typeof value} as raw bytes: give a Uint8Array, or name a type or a schema in the route.`,
    );
  },
  decode: (bytes) => bytes,
};

/** Tells bytes, also those of another realm: Node's and a browser's own functions give such ones to a sandbox, and jest is one. */
export function isBytes(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array) return true;
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/** A payload that does not decode is the caller's fault: it is told, and not reported as the handler's. */
export function isCallersFault(error: unknown): error is CodecError {
  return error instanceof CodecError;
}
