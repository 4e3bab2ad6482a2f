// Reads messages the plain way: a reader object, a checked read for each value, a new object for each frame.

class Reader {
  constructor(bytes) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.bytes = bytes;
    this.at = 0;
  }

  take(count) {
    if (this.at + count > this.bytes.length) throw new Error('The message ends too early.');
    this.at += count;
    return this.at - count;
  }

  uint() {
    const tag = this.bytes[this.take(1)];
    if (tag < 0x80) return tag;
    if (tag === 0xcc) return this.view.getUint8(this.take(1));
    if (tag === 0xcd) return this.view.getUint16(this.take(2));
    if (tag === 0xce) return this.view.getUint32(this.take(4));
    if (tag === 0xcf) return Number(this.view.getBigUint64(this.take(8)));
    throw new Error('No unsigned integer.');
  }

  bin() {
    const tag = this.bytes[this.take(1)];
    let length;
    if (tag === 0xc4) length = this.view.getUint8(this.take(1));
    else if (tag === 0xc5) length = this.view.getUint16(this.take(2));
    else if (tag === 0xc6) length = this.view.getUint32(this.take(4));
    else throw new Error('No bin.');
    const from = this.take(length);
    return this.bytes.subarray(from, from + length);
  }

  frame() {
    if (this.bytes[this.take(1)] !== 0x97) throw new Error('No array of 7.');
    const [muxId, seq, deadlineMs, handler, op, flags] = Array.from({ length: 6 }, () => this.uint());
    return { muxId, seq, deadlineMs, handler, op, flags, payload: this.bin().slice() };
  }
}

/** The frames of a Merged message without checksums and subroutes. */
export function decodeMergedPlainly(message) {
  const reader = new Reader(message);
  const { seq: count } = reader.frame();
  return Array.from({ length: count }, () => new Reader(reader.bin()).frame());
}
