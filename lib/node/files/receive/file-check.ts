import { createHash, type Hash } from 'node:crypto';
import type { FileEnd, FileHeader } from '../../../files/file-item.js';
import { quoted } from '../../../files/peer-path.js';

const algorithms = new Set(['sha256', 'sha512', 'sha1', 'md5', 'blake2b512']);

/**
 * Compares the bytes of one received file with what its header and its end promise. Each method returns what is wrong,
 * as a text for an error, or undefined.
 */
export class FileCheck {
  /** Bytes received so far. */
  received = 0;
  /** True: some of the received bytes are wrong, so they must not be kept for a later transfer. */
  corrupt = false;

  readonly #header: FileHeader;
  readonly #verify: boolean;
  readonly #hash: Hash | undefined;

  /** `verify`: false ignores the hash. */
  constructor(header: FileHeader, verify: boolean) {
    this.#header = header;
    this.#verify = verify;
    const { hash } = header;
    this.#hash = hash !== undefined && verify ? hasherFor(hash) : undefined;
  }

  /** True: the bytes are compared with a hash. */
  get hashes(): boolean {
    return this.#hash !== undefined;
  }

  /** Why the file cannot be verified: its hash is unknown, or, with `required`, it has none. */
  unverifiable(required: boolean): string | undefined {
    if (this.#hash !== undefined || !this.#verify) return undefined;
    const { hash } = this.#header;
    if (hash === undefined && !required) return undefined;
    const has =
      hash === undefined
        ? 'no hash'
        : `the hash ${quoted(hash)}, which this host does not know (it knows ${[...algorithms].join(', ')})`;
    return `the stream has ${has}, so the file cannot be verified`;
  }

  /** Why the bytes that come do not continue the `present` bytes, or do not reach the end of the file. */
  misplaced(present: number): string | undefined {
    const { offset, length, size } = this.#header;
    if (offset > present) {
      return `the stream begins at byte ${String(offset)}, and only ${String(present)} bytes are present`;
    }
    const end = offset + length;
    return end === size ? undefined : `the stream ends at byte ${String(end)} of ${String(size)}`;
  }

  /** Adds received bytes. */
  add(bytes: Uint8Array): string | undefined {
    const { length } = this.#header;
    this.received += bytes.length;
    if (this.received > length) {
      this.corrupt = true;
      return `more bytes came than the ${String(length)} that were announced`;
    }
    this.#hash?.update(bytes);
    return undefined;
  }

  /** The end of the file has come. Call it once. */
  end({ length, hash }: FileEnd): string | undefined {
    const announced = this.#header.length;
    if (this.received !== announced) {
      return `${String(this.received)} bytes came, and ${String(announced)} were announced`;
    }
    if (length !== announced) {
      return `its end says that it has ${String(length)} bytes, and ${String(announced)} were announced and came`;
    }
    const problem = this.#hashProblem(hash);
    this.corrupt = problem !== undefined;
    return problem;
  }

  #hashProblem(value: Uint8Array | undefined): string | undefined {
    const hash = this.#hash;
    if (hash === undefined) return undefined;
    if (value === undefined) return 'the announced hash did not come';
    return hash.digest().equals(value)
      ? undefined
      : `the ${this.#header.hash!} of the received bytes is not that of the file`;
  }
}

function hasherFor(name: string): Hash | undefined {
  if (!algorithms.has(name)) return undefined;
  try {
    return createHash(name);
  } catch {
    // Some builds of Node lack some algorithms.
    return undefined;
  }
}
