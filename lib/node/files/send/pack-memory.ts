import { maxSmallFileBytes } from '../../../bounds.js';

/**
 * Memory for the small files of a part of a folder, which are read one behind the other: memory of its own for each
 * would cost about as much as reading it.
 */
export class PackMemory {
  #buffer = new Uint8Array(0);
  #used = 0;
  #files: number;

  /** `files`: how many will be read, at most. */
  constructor(files: number) {
    this.#files = files;
  }

  /** Memory for the next file, with arbitrary content. No other file gets it. */
  take(bytes: number): Uint8Array {
    if (this.#buffer.length - this.#used < bytes) {
      // The files of a folder are often of about one size.
      const wanted = Math.min(bytes * this.#files, maxSmallFileBytes);
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(wanted, bytes));
      this.#used = 0;
    }
    this.#files = Math.max(1, this.#files - 1);
    const begin = this.#used;
    this.#used += bytes;
    return new Uint8Array(this.#buffer.buffer, begin, bytes);
  }
}
