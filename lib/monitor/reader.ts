import { CodecError } from '../errors.js';
import type { Codec } from '../codec/codec.js';
import { msgpack } from '../codec/msgpack-codec.js';
import { printable } from '../printable.js';

/*
 * Reads what another host reports about itself. That host may be of another version, or hostile: a field that is
 * missing, or is something else, gets a default; texts are made printable; lists have a bound. Only a value that is not
 * a map is refused.
 */

/** Characters of a text that is kept. */
const maxText = 2_000;

/** Checks and converts a decoded value. */
export type Read<T> = (value: unknown) => T;

const codec = msgpack();

/** A payload of the monitor, always MessagePack, whatever codec the manager's own routes have. */
export function monitorCodec<T>(read: Read<T>): Codec<T> {
  return { codec: codec.codec, encode: (value) => codec.encode(value), decode: (bytes) => read(codec.decode(bytes)) };
}

/** No request, whatever codec the manager's own routes have. One of a later version is ignored. */
export const noRequest: Codec<undefined> = {
  codec: codec.codec,
  encode: () => new Uint8Array(0),
  decode: () => undefined,
};

/** The fields of a map. @throws CodecError where the value is not a map. */
export function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (isMap(value)) return value;
  throw new CodecError('The host sent figures that are not a map: is it a monitor of rxgrid?');
}

/** The fields of a map; none where the value is not a map. */
export function optionalFields(value: unknown): Readonly<Record<string, unknown>> {
  return isMap(value) ? value : {};
}

/** A number that may be one of a host; any other value counts as `otherwise`. */
export function number(value: unknown, otherwise = 0): number {
  return optionalNumber(value) ?? otherwise;
}

/** A number that may be one of a host, or undefined. It is not larger than 2⁵³: also the sum of many is finite. */
export function optionalNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Math.abs(value) <= 2 ** 53 ? value : undefined;
}

/** A text that can be printed. */
export function text(value: unknown, otherwise = ''): string {
  return typeof value === 'string' ? printable(value, maxText) : otherwise;
}

/** A text that can be printed, or undefined. */
export function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? printable(value, maxText) : undefined;
}

/** One of some texts; any other value counts as the first one. */
export function oneOf<const T extends string>(value: unknown, ...values: readonly [T, ...T[]]): T {
  return values.find((each) => each === value) ?? values[0];
}

/** A list, of at most so many entries; entries that cannot be read are left out. */
export function list<T>(value: unknown, max: number, read: Read<T>): T[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, max).flatMap((entry) => {
    try {
      return [read(entry)];
    } catch (error) {
      if (error instanceof CodecError) return [];
      throw error;
    }
  });
}

/** An object without the keys whose value is undefined. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
