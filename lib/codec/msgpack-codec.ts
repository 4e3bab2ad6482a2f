import { checkOptions, oneOf, whole, type Rule } from '../check.js';
import { CodecError, errorText } from '../errors.js';

import type { Codec } from './codec.js';
import { type MsgpackLite, msgpackLite } from './msgpack-lite.js';
import { type MsgpackBounds, readMsgpack } from './msgpack-read.js';
import { msgpackValue } from './msgpack-value.js';

/** Options of {@link msgpack}. */
export interface MsgpackOptions {
  /** Levels of arrays and maps within each other, in what is encoded and decoded; 1 to 512. Default 64. */
  readonly maxDepth?: number;
  /**
   * Elements of all arrays plus entries of all maps of one payload, in what is encoded and decoded. Default 16 384.
   *
   * It bounds what a decoded value may hold beyond the bytes of its payload. On Node 20 the costliest elements take 70
   * bytes (empty maps, of 1 byte each) to 220 (Uint8Arrays of 1 byte): 1.1 to 3.4 MiB with the default. A text takes
   * two bytes for each of its characters where one of them is not Latin-1: up to 8 MiB for a payload of 4 MiB.
   */
  readonly maxItems?: number;
  /**
   * How a Date is written: `standard` is the timestamp of the MessagePack specification (ext −1), `grid` is that of the
   * protocol (ext 5), for peers that know no other. Both are read. Default `standard`.
   */
  readonly timestamps?: 'standard' | 'grid';
}

const msgpackRules: Readonly<Record<keyof MsgpackOptions, Rule>> = {
  maxDepth: whole(1, 512),
  maxItems: whole(1, 0xffff_ffff),
  timestamps: oneOf('standard', 'grid'),
};

/**
 * MessagePack by msgpack-lite, made safe for payloads of untrusted peers: the default codec of a manager.
 *
 * A value arrives as it was sent, with these exceptions:
 * - `undefined` as the whole value is an empty payload; as a field it is left out; as an element it arrives as null.
 * - A bigint, which must fit into 64 bits, arrives as a number where that is exact (to 2^53 − 1), and as a bigint
 *   beyond. So a field of bigints needs a schema that coerces (`z.coerce.bigint()`), or `BigInt(…)` where it is used.
 * - A Date is exact to the millisecond: finer times of other peers are rounded down. −0 arrives as 0.
 * - A whole number is encoded as an integer. A Go field of type float64 takes none: send {@link float}`(5)`.
 * - A Buffer arrives as a Uint8Array. Decoded bytes are a copy, and keep nothing of the received message.
 *
 * `encode` throws CodecError for values that would arrive as something else: functions, symbols, Map, Set, errors,
 * other typed arrays, instances of classes, invalid dates, cycles, texts with lone surrogates, bigints beyond 64 bits,
 * the key `__proto__`; and for values that exceed the bounds. `decode` throws CodecError for payloads that are not
 * exactly one MessagePack value of these kinds. Where a key comes twice in a map, the last one counts.
 *
 * @throws ConfigurationError for an option that is unknown or out of its range.
 */
export function msgpack<T = unknown>(options: MsgpackOptions = {}): Codec<T> {
  checkOptions(options, msgpackRules, { of: 'msgpack' });
  const { maxDepth = 64, maxItems = 1 << 14, timestamps = 'standard' } = options;
  const bounds: MsgpackBounds = {
    maxDepth,
    maxItems,
  };
  // Created with the first payload: many processes only use `raw`.
  let made: MsgpackLite | undefined;
  const lite = (): MsgpackLite => (made ??= msgpackLite(timestamps));
  return {
    codec: 'msgpack',
    inPlace: true,
    encode(value) {
      if (value === undefined) return new Uint8Array(0);
      try {
        return lite().encode(msgpackValue(value, bounds));
      } catch (error) {
        throw typed('encode the value', error);
      }
    },
    decode(bytes) {
      // The types cannot express it: T includes undefined where a payload may be empty.
      if (bytes.byteLength === 0) return undefined as T;
      try {
        return readMsgpack(bytes, bounds, lite().readLeaf) as T;
      } catch (error) {
        throw typed('decode the payload', error);
      }
    },
  };
}

/** A getter or a proxy of the caller may throw anything, but callers may rely on the type of the error. */
function typed(what: string, error: unknown): CodecError {
  if (error instanceof CodecError) return error;
  return new CodecError(`Cannot ${what}: ${errorText(error)}.`, { cause: error });
}
