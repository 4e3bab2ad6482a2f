import { CodecError } from '../../errors.js';

const utf8 = new TextEncoder();

/** Bytes that most control payloads fit into. */
const initialBytes = 512;
// The buffer of the last writer that has finished: each call with metadata needs one, or two.
let spare: Uint8Array | undefined = undefined;

function takeSpare(): Uint8Array {
  const bytes = spare ?? new Uint8Array(initialBytes);
  spare = undefined;
  return bytes;
}

/** Characters of a string that is tried as ASCII. */
const maxShort = 128;
const nothing = new Uint8Array(0);

/** Writes the MessagePack value of a control payload, item by item, each in its shortest form. */
export class MsgpackWriter {
  #bytes = takeSpare();
  #length = 0;

  /** Starts a map of `count` entries: that many times a string and a value must follow. */
  map(count: number): this {
    if (count <= 0x0f) return this.#byte(0x80 | count);
    if (count > 0xffff) throw new CodecError(`A control map of ${count} entries is too large.`);
    return this.#byte(0xde).#uint16(count);
  }

  /** Writes a string as UTF-8. */
  string(value: string): this {
    if (this.#shortAscii(value)) return this;
    const bytes = utf8.encode(value);
    return this.#stringHead(bytes.length).#raw(bytes);
  }

  /** Writes nil. */
  nil(): this {
    return this.#byte(0xc0);
  }

  /** Writes true or false. */
  boolean(value: boolean): this {
    return this.#byte(value ? 0xc3 : 0xc2);
  }

  /**
   * Writes an unsigned integer in its shortest form.
   *
   * @throws CodecError unless `value` is an integer from 0 to 2^53 − 1.
   */
  uint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new CodecError(`${value} is not an unsigned integer.`);
    if (value <= 0x7f) return this.#byte(value);
    if (value <= 0xff) return this.#byte(0xcc).#byte(value);
    if (value <= 0xffff) return this.#byte(0xcd).#uint16(value);
    if (value <= 0xffff_ffff) return this.#byte(0xce).#uint32(value);
    return this.#byte(0xcf)
      .#uint32(Math.floor(value / 0x1_0000_0000))
      .#uint32(value >>> 0);
  }

  /** Writes bytes as bin. */
  bin(value: Uint8Array): this {
    const length = value.length;
    if (length <= 0xff) this.#byte(0xc4).#byte(length);
    else if (length <= 0xffff) this.#byte(0xc5).#uint16(length);
    else this.#byte(0xc6).#uint32(length);
    return this.#raw(value);
  }

  /** Writes an ext of at most 255 bytes with a type from −128 to 127, in the form with a length byte. */
  ext8(type: number, data: Uint8Array): this {
    return this.#byte(0xc7).#byte(data.length).#byte(type).#raw(data);
  }

  /** Writes a value that is encoded already. */
  encoded(value: Uint8Array): this {
    return this.#raw(value);
  }

  /** What was written, as an array of its own. The writer is of no use afterwards. */
  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#length);
    if (this.#bytes.length === initialBytes) spare = this.#bytes;
    this.#bytes = nothing;
    this.#length = 0;
    return written;
  }

  #stringHead(length: number): this {
    if (length <= 0x1f) return this.#byte(0xa0 | length);
    if (length <= 0xff) return this.#byte(0xd9).#byte(length);
    if (length <= 0xffff) return this.#byte(0xda).#uint16(length);
    return this.#byte(0xdb).#uint32(length);
  }

  // Most strings of control payloads are short and ASCII: a TextEncoder costs several times as much for them.
  #shortAscii(value: string): boolean {
    const { length } = value;
    if (length > maxShort) return false;
    const start = this.#length;
    this.#stringHead(length);
    const at = this.#grow(length);
    const bytes = this.#bytes;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        this.#length = start;
        return false;
      }
      bytes[at + index] = code;
    }
    return true;
  }

  #byte(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  #uint16(value: number): this {
    return this.#byte(value >>> 8).#byte(value);
  }

  #uint32(value: number): this {
    return this.#uint16(value >>> 16).#uint16(value & 0xffff);
  }

  #raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /**
   * Makes room for `count` bytes; the result is where they go. It may replace the buffer: call it before using that.
   */
  #grow(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
    }
    return start;
  }
}
