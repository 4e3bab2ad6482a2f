import { CodecError } from '../../errors.js';
import type { MsgpackReader } from './msgpack-reader.js';
import type { MsgpackWriter } from './msgpack-writer.js';

/** A point in time, with the precision of the wire protocol (section 4), which a number of milliseconds would lose. */
export interface Timestamp {
  /** Whole seconds since the Unix epoch; negative before it. A safe integer. */
  readonly seconds: number;
  /** Nanoseconds to add, 0..999 999 999. */
  readonly nanoseconds: number;
}

/** The ext type of the protocol: seconds int64, nanoseconds int32, both big-endian. */
export const gridType = 5;
/** The ext type of the MessagePack specification: 4, 8 or 12 bytes. */
export const standardType = -1;

const maxNanoseconds = 999_999_999;

/** Creates a timestamp from milliseconds since the Unix epoch. Fractions are kept to the precision of a number. */
export function timestampFromMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1_000);
  const nanoseconds = Math.round((ms - seconds * 1_000) * 1e6);
  return { seconds, nanoseconds: Math.min(nanoseconds, maxNanoseconds) };
}

/** Milliseconds since the Unix epoch, with a fraction. */
export function timestampToMs(time: Timestamp): number {
  return time.seconds * 1_000 + time.nanoseconds / 1e6;
}

/**
 * Writes a timestamp as ext type 5.
 *
 * @throws CodecError where the seconds are not a safe integer, or the nanoseconds are not 0..999 999 999.
 */
export function writeTimestamp(writer: MsgpackWriter, { seconds, nanoseconds }: Timestamp): void {
  if (!Number.isSafeInteger(seconds) || !Number.isInteger(nanoseconds) || !isNanoseconds(nanoseconds)) {
    throw new CodecError(`Not a timestamp: ${seconds} seconds, ${nanoseconds} nanoseconds.`);
  }
  writer.ext8(gridType, timestampData({ seconds, nanoseconds }));
}

/** The data of ext type 5, for numbers in range. */
export function timestampData({ seconds, nanoseconds }: Timestamp): Uint8Array {
  const data = new DataView(new ArrayBuffer(12));
  data.setInt32(0, Math.floor(seconds / 0x1_0000_0000));
  // The low half of the two's complement, also of a negative number.
  data.setUint32(4, seconds >>> 0);
  data.setInt32(8, nanoseconds);
  return new Uint8Array(data.buffer);
}

/**
 * Reads a timestamp: ext type 5, or the standard ext −1 in its three lengths.
 *
 * @throws ProtocolError when it is neither, or when its numbers are out of range.
 */
export function readTimestamp(reader: MsgpackReader, field: string): Timestamp {
  const { type, data } = reader.ext(field);
  const time = timestampOf(type, data);
  if (time === undefined) {
    throw reader.fault(`${field} is not a timestamp: ext type ${type} of ${data.byteLength} bytes`);
  }
  if (!Number.isSafeInteger(time.seconds) || !isNanoseconds(time.nanoseconds)) {
    throw reader.fault(`${field} is out of range: ${time.seconds} seconds, ${time.nanoseconds} nanoseconds`);
  }
  return time;
}

/**
 * Decodes the data of an ext with this type, −128..127; undefined where it is not a timestamp. The numbers may be out
 * of range.
 */
export function timestampOf(type: number, data: DataView): Timestamp | undefined {
  let seconds: number;
  let nanoseconds: number;
  if (type === gridType && data.byteLength === 12) {
    seconds = data.getInt32(0) * 0x1_0000_0000 + data.getUint32(4);
    nanoseconds = data.getInt32(8);
  } else if (type === standardType && data.byteLength === 4) {
    seconds = data.getUint32(0);
    nanoseconds = 0;
  } else if (type === standardType && data.byteLength === 8) {
    // 30 bits of nanoseconds, then 34 bits of seconds.
    nanoseconds = data.getUint32(0) >>> 2;
    seconds = (data.getUint32(0) & 3) * 0x1_0000_0000 + data.getUint32(4);
  } else if (type === standardType && data.byteLength === 12) {
    nanoseconds = data.getUint32(0);
    seconds = data.getInt32(4) * 0x1_0000_0000 + data.getUint32(8);
  } else {
    return undefined;
  }
  return { seconds, nanoseconds };
}

/** True for a number of nanoseconds within a second. */
export function isNanoseconds(value: number): boolean {
  return value >= 0 && value <= maxNanoseconds;
}
