import { CodecError } from '../../errors.js';
import type { MsgpackReader } from '../msgpack/msgpack-reader.js';

/**
 * Bytes of text that a control payload may hold. Some are read before their sender is authenticated, so each has a
 * bound; each is far above what is in use (a host name of DNS has 253 characters, a token with many claims some 4 KiB).
 */
export const controlBounds = {
  /** A host name. */
  host: 1 << 10,
  /** A token. */
  token: 16 << 10,
  /** A text for people: a reason or an error. */
  text: 16 << 10,
} as const;

/** Reads the value of one key. `field` is that key. */
type ReadField = (reader: MsgpackReader, field: string) => unknown;

/** What {@link readControlMap} found, by key; a key that was not there is undefined. */
type ControlMap<Fields extends Record<string, ReadField>> = {
  readonly [Key in keyof Fields]: ReturnType<Fields[Key]> | undefined;
};

/**
 * Reads a control payload: one map, to the last byte. Keys come in any order; unknown ones are skipped, which leaves
 * room for extensions (wire protocol, section 4).
 *
 * @throws ProtocolError
 */
export function readControlMap<const Fields extends Record<string, ReadField>>(
  reader: MsgpackReader,
  fields: Fields,
): ControlMap<Fields> {
  const values: Record<string, unknown> = {};
  reader.map('the payload', (key) => {
    // Own keys only: a peer may send "constructor".
    if (!Object.hasOwn(fields, key)) return false;
    values[key] = fields[key]!(reader, key);
    return true;
  });
  reader.end();
  return values as ControlMap<Fields>;
}

/**
 * The value of a key that must be there.
 *
 * @throws ProtocolError when it is not.
 */
export function required<T>(reader: MsgpackReader, key: string, value: T | undefined): T {
  if (value === undefined) throw reader.fault(`the key ${key} is missing`);
  return value;
}

/** A text for people, shortened to what a reader accepts, at a character. */
export function boundedText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= controlBounds.text) return text;
  let end = controlBounds.text;
  // Not within a character: its later bytes are 10xxxxxx.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

/**
 * Checks a text whose bound a reader will check.
 *
 * @throws CodecError when it is too long.
 */
export function checkedText(what: string, text: string, maxBytes: number): string {
  const length = new TextEncoder().encode(text).length;
  if (length > maxBytes) throw new CodecError(`${what} has ${length} bytes; the limit is ${maxBytes}.`);
  return text;
}
