/** XORs `length` bytes of `source` with the key into `output` at `offset`, as `unmask` of `bufferutil` does. */
export type Unmask = (source: Uint8Array, key: Uint8Array, output: Uint8Array, offset: number, length: number) => void;

/**
 * The masking key of the frame that is being read. A frame without a mask has the key of zeros, which changes nothing.
 */
export class MaskKey {
  readonly #key = new Uint8Array(4);
  readonly #turned = new Uint8Array(4);
  /** True for the key of zeros. */
  isZero = true;

  /** Sets the key to the four bytes at `at`. */
  set(bytes: Uint8Array, at: number): void {
    const key = this.#key;
    let all = 0;
    for (let index = 0; index < 4; index++) all |= key[index] = bytes[at + index]!;
    this.isZero = all === 0;
  }

  /** The key as it applies from byte `position` of the payload on. It is valid until the next call. */
  at(position: number): Uint8Array {
    const key = this.#key;
    const turn = position & 3;
    if (turn === 0) return key;
    const turned = this.#turned;
    for (let index = 0; index < 4; index++) turned[index] = key[(index + turn) & 3]!;
    return turned;
  }
}
