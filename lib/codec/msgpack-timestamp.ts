import {
  gridType,
  isNanoseconds,
  standardType,
  timestampData,
  timestampFromMs,
  timestampOf,
} from '../wire/msgpack/timestamp.js';

/** The ext type of the grid protocol. */
export const gridTimeType = gridType;
/** The ext type −1 of the MessagePack specification, as an unsigned byte. */
export const standardTimeType = standardType & 0xff;

/** Farthest time from the epoch that a Date can hold, in milliseconds. */
const maxDateMs = 8.64e15;
const word = 0x1_0000_0000;

/**
 * Reads the data of a time ext: milliseconds since the Unix epoch, rounded down (a Date holds no finer time). The
 * result is undefined where the ext is not a time, or a Date cannot hold it.
 *
 * @param type - The ext type as an unsigned byte.
 * @param data - The data of the ext.
 */
export function readTime(type: number, data: Uint8Array): number | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const time = timestampOf(type === standardTimeType ? standardType : type, view);
  if (time === undefined || !isNanoseconds(time.nanoseconds)) return undefined;
  // Rounded before the sum: adding a fraction to so large a number could round it up to the next millisecond.
  const ms = time.seconds * 1_000 + Math.floor(time.nanoseconds / 1e6);
  return Math.abs(ms) <= maxDateMs ? ms : undefined;
}

/**
 * Gives the data of the standard time ext, in the shortest of its three forms. `ms` is an integer within a Date's
 * range.
 */
export function standardTime(ms: number): Uint8Array {
  const seconds = Math.floor(ms / 1_000);
  const nanoseconds = (ms - seconds * 1_000) * 1e6;
  if (seconds >= 0 && seconds < 4 * word) {
    if (nanoseconds === 0 && seconds < word) {
      const view = new DataView(new ArrayBuffer(4));
      view.setUint32(0, seconds);
      return bytesOf(view);
    }
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, nanoseconds * 4 + Math.floor(seconds / word));
    view.setUint32(4, seconds % word);
    return bytesOf(view);
  }
  const view = new DataView(new ArrayBuffer(12));
  view.setUint32(0, nanoseconds);
  view.setInt32(4, Math.floor(seconds / word));
  // The low half of the two's complement, also of a negative number.
  view.setUint32(8, seconds >>> 0);
  return bytesOf(view);
}

/** Gives the data of the grid's time ext. `ms` is an integer within a Date's range. */
export function gridTime(ms: number): Uint8Array {
  return timestampData(timestampFromMs(ms));
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer);
}
