const encoder = new TextEncoder();

/**
 * The buffer that msgpack-lite writes to. msgpack-lite calls `write` for texts, where a buffer has this method, and
 * `slice` for the result. Without this class, texts would be written byte by byte, and in Node each small payload would
 * hold a Buffer of 2 KiB.
 */
export class Sink extends Uint8Array {
  /** For numbers. */
  readonly view: DataView = new DataView(this.buffer);

  /** What is taken out is a plain Uint8Array. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  /** Writes a text as UTF-8, and gives the number of bytes. There must be room for three bytes per UTF-16 unit. */
  write(text: string, offset: number): number {
    return encoder.encodeInto(text, this.subarray(offset)).written;
  }
}

/** The sink for the next call, or undefined while it is in use: 64 KiB, since msgpack-lite joins parts beyond. */
let spare: Sink | undefined = new Sink(0x1_0000);

/** How msgpack-lite makes and joins buffers. */
export const sinks = {
  alloc(length: number): Sink {
    if (spare === undefined || spare.length < length) return new Sink(length);
    const sink = spare;
    spare = undefined;
    return sink;
  },

  concat(parts: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const part of parts) length += part.length;
    const whole = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    return whole;
  },
};

/**
 * Runs one encoding with the spare sink. A nested encoding, by a getter of the value that is being encoded, gets a sink
 * of its own.
 */
export function withSink(run: () => Uint8Array): Uint8Array {
  const before = spare;
  try {
    return run();
  } finally {
    spare = before;
  }
}
