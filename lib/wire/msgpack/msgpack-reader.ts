import { ProtocolError } from '../../errors.js';
import { ARRAY, BIN, EXT, kindOf, lengthIn, MAP, NEVER, TEXT, widthOf } from './msgpack-head.js';

/** Levels of arrays and maps within a value that is skipped. */
const maxDepth = 32;
/** Entries of a map that is read, known and unknown. The keys are held, so they need a bound. */
const maxEntries = 256;
/** Bytes of a key of such a map. */
const maxKeyBytes = 256;

/** Bounds of a map that is read. */
interface MapBounds {
  readonly entries: number;
  readonly keyBytes: number;
}

const controlMap: MapBounds = { entries: maxEntries, keyBytes: maxKeyBytes };

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Reads one MessagePack value of a control payload, item by item, in the order of the bytes.
 *
 * It runs before a peer is authenticated. So it checks every length against the bytes that are really there, allocates
 * nothing by a declared length, and does not recurse. Every method throws ProtocolError, with the name of the payload
 * and of the field, when the bytes are not what the method reads.
 */
export class MsgpackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  #offset = 0;

  /**
   * @param bytes - The payload; it is not copied.
   * @param name - What the payload is, for the texts of errors.
   */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
  }

  /** A ProtocolError with the name of the payload and the offset, for a caller that finds a value wrong. */
  fault(text: string): ProtocolError {
    return new ProtocolError(`${this.#name}: ${text} (at byte ${this.#offset} of ${this.#bytes.length}).`);
  }

  /**
   * Reads a map: `read` gets each key and reads its value. It returns false for a key that it does not know: the value
   * is then skipped, whatever it is. A key that comes twice is a fault, since readers would differ in which one counts.
   * `bounds`: other ones than those of a control payload, for bytes whose number has a bound of its own.
   */
  map(field: string, read: (key: string) => boolean, bounds: MapBounds = controlMap): void {
    const count = this.#head(field, MAP, 'a map');
    // A key and a value take a byte each at least.
    if (count * 2 > this.#left()) throw this.fault(`${field} declares ${count} entries, more than there are bytes`);
    if (count > bounds.entries) throw this.fault(`${field} has ${count} entries; the limit is ${bounds.entries}`);
    const seen = new Set<string>();
    for (let i = 0; i < count; i++) {
      const key = this.string(`key of ${field}`, bounds.keyBytes);
      if (seen.has(key)) throw this.fault(`${field} has the key ${JSON.stringify(key)} twice`);
      seen.add(key);
      if (!read(key)) this.skip(`value of ${JSON.stringify(key)}`);
    }
  }

  /** Reads a string of at most `maxBytes` bytes; refuses what is not UTF-8. */
  string(field: string, maxBytes: number): string {
    const bytes = this.#text(field, maxBytes);
    try {
      return strict.decode(bytes);
    } catch {
      throw this.fault(`${field} is not UTF-8`);
    }
  }

  /** Reads a text for people: like {@link MsgpackReader.string}, but what is not UTF-8 becomes U+FFFD. */
  text(field: string, maxBytes: number): string {
    return lenient.decode(this.#text(field, maxBytes));
  }

  /** Reads nil, if the next value is nil. */
  nil(): boolean {
    if (this.#bytes[this.#offset] !== 0xc0) return false;
    this.#offset++;
    return true;
  }

  /** Reads true or false. */
  boolean(field: string): boolean {
    const first = this.#byte(field);
    if (first !== 0xc2 && first !== 0xc3) throw this.#unexpected(field, 'a boolean', first);
    return first === 0xc3;
  }

  /** Reads an integer of any form from 0 to 2^53 − 1. */
  uint(field: string): number {
    const first = this.#byte(field);
    const at = this.#offset;
    let value: number;
    if (first <= 0x7f) return first;
    else if (first === 0xcc) value = this.#view.getUint8(this.#take(field, 1));
    else if (first === 0xcd) value = this.#uint16(field);
    else if (first === 0xce) value = this.#uint32(field);
    else if (first === 0xcf) value = this.#uint32(field) * 0x1_0000_0000 + this.#uint32(field);
    else if (first === 0xd0) value = this.#view.getInt8(this.#take(field, 1));
    else if (first === 0xd1) value = this.#view.getInt16(this.#take(field, 2));
    else if (first === 0xd2) value = this.#view.getInt32(this.#take(field, 4));
    else if (first === 0xd3) value = this.#view.getInt32(this.#take(field, 4)) * 0x1_0000_0000 + this.#uint32(field);
    else if (first >= 0xe0) value = first - 0x100;
    else throw this.#unexpected(field, 'an unsigned integer', first);
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
    this.#offset = at;
    throw this.fault(`${field} is ${value}, not an integer from 0 to 2^53 − 1`);
  }

  /** Reads a bin of exactly `length` bytes; the result is a copy. */
  bin(field: string, length: number): Uint8Array {
    const actual = this.#head(field, BIN, 'a bin');
    if (actual !== length) throw this.fault(`${field} has ${actual} bytes instead of ${length}`);
    const start = this.#take(field, length);
    return this.#bytes.slice(start, start + length);
  }

  /** Reads a bin of at most `maxBytes` bytes; the result is a copy. */
  bytes(field: string, maxBytes: number): Uint8Array {
    const length = this.#head(field, BIN, 'a bin');
    if (length > maxBytes) throw this.fault(`${field} has ${length} bytes; the limit is ${maxBytes}`);
    const start = this.#take(field, length);
    return this.#bytes.slice(start, start + length);
  }

  /** Reads an ext: its type, −128..127, and a view of its data. */
  ext(field: string): { readonly type: number; readonly data: DataView } {
    const length = this.#head(field, EXT, 'an ext');
    const type = this.#view.getInt8(this.#take(field, 1));
    const start = this.#take(field, length);
    return { type, data: new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, length) };
  }

  /** Passes over one well-formed value of any type, nested at most 32 deep. */
  skip(field: string): void {
    /** Values to come at each open level. */
    const open = [1];
    while (open.length > 0) {
      const level = open.length - 1;
      if (open[level] === 0) {
        open.pop();
        continue;
      }
      open[level]!--;
      const children = this.#skipOne(field);
      if (children === 0) continue;
      if (level >= maxDepth) throw this.fault(`${field} is nested deeper than ${maxDepth}`);
      if (children > this.#left()) throw this.fault(`${field} declares more elements than there are bytes`);
      open.push(children);
    }
  }

  /** True where every byte has been read. */
  get atEnd(): boolean {
    return this.#left() === 0;
  }

  /** Checks that nothing follows. */
  end(): void {
    if (this.#left() > 0) throw this.fault(`${this.#left()} bytes follow the value`);
  }

  /** Passes over one value, or over the header of an array or map: the result is how many values are in it. */
  #skipOne(field: string): number {
    const first = this.#byte(field);
    const kind = kindOf(first);
    if (kind === NEVER) throw this.#unexpected(field, 'a value', first);
    const length = this.#length(field, first);
    if (kind === ARRAY) return length;
    if (kind === MAP) return length * 2;
    this.#take(field, kind === EXT ? length + 1 : length);
    return 0;
  }

  #text(field: string, maxBytes: number): Uint8Array {
    const length = this.#head(field, TEXT, 'a string');
    if (length > maxBytes) throw this.fault(`${field} has ${length} bytes; the limit is ${maxBytes}`);
    const start = this.#take(field, length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Reads the first byte of a value, which must be of this kind, and gives its length as it declares it. */
  #head(field: string, kind: number, wanted: string): number {
    const first = this.#byte(field);
    if (kindOf(first) !== kind) throw this.#unexpected(field, wanted, first);
    return this.#length(field, first);
  }

  #length(field: string, first: number): number {
    const width = widthOf(first);
    if (width === 0) return lengthIn(first);
    let length = 0;
    const start = this.#take(field, width);
    for (let at = start; at < start + width; at++) length = length * 256 + this.#bytes[at]!;
    return length;
  }

  #left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Moves over `length` bytes; the result is where they start. */
  #take(field: string, length: number): number {
    if (length > this.#left()) throw this.fault(`${field} is cut off: ${length} bytes expected, ${this.#left()} left`);
    const start = this.#offset;
    this.#offset += length;
    return start;
  }

  #byte(field: string): number {
    return this.#view.getUint8(this.#take(field, 1));
  }

  #uint16(field: string): number {
    return this.#view.getUint16(this.#take(field, 2));
  }

  #uint32(field: string): number {
    return this.#view.getUint32(this.#take(field, 4));
  }

  #unexpected(field: string, wanted: string, first: number): ProtocolError {
    this.#offset--;
    return this.fault(`${field} is not ${wanted}: it starts with 0x${first.toString(16).padStart(2, '0')}`);
  }
}
