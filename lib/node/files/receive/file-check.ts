import { createHash, type Hash } from 'node:crypto';
import type { FileEnd, FileHeader } from '../../../files/file-item.js';
import { quoted } from '../../../files/peer-path.js';

const hashes = new Set(['sha256', 'sha512', 'sha1', 'md5', 'blake2b512']);

/** What comes of a file, compared with what its header and its end promise. A result is what is wrong. */
export class FileCheck {
  /** Bytes that came. */
  received = 0;
  /** What came is wrong somewhere: who continues must not keep it. */
  spoilt = false;

  readonly #header: FileHeader;
  readonly #verify: boolean;
  readonly #hash: Hash | undefined;

  /** `verify`: false does not look at a hash. */
  constructor(header: FileHeader, verify: boolean) {
    this.#header = header;
    this.#verify = verify;
    const { hash } = header;
    this.#hash = hash !== undefined && verify ? hasherOf(hash) : undefined;
  }

  /** True: what comes is compared with a hash. */
  get hashes(): boolean {
    return this.#hash !== undefined;
  }

  /** Where a hash comes that is not known, or, with `required`, where none comes. */
  unverifiable(required: boolean): string | undefined {
    if (this.#hash !== undefined || !this.#verify) return undefined;
    const { hash } = this.#header;
    if (hash === undefined && !required) return undefined;
    const what =
      hash === undefined
        ? 'no hash'
        : `a hash ${quoted(hash)}, which is not known here (${[...hashes].join(', ')} are)`;
    return `It comes with ${what}, so that it cannot be verified`;
  }

  /** Whether what comes joins on to the bytes that are `here`, and goes to the end of the file. */
  misplaced(here: number): string | undefined {
    const { offset, length, size } = this.#header;
    if (offset > here) return `the bytes from ${String(offset)} on come, and ${String(here)} are here`;
    const end = offset + length;
    return end === size ? undefined : `the bytes to ${String(end)} come, and the file has ${String(size)}`;
  }

  /** The next bytes. */
  add(bytes: Uint8Array): string | undefined {
    const { length } = this.#header;
    this.received += bytes.length;
    if (this.received > length) {
      this.spoilt = true;
      return `More than the ${String(length)} bytes came that were announced`;
    }
    this.#hash?.update(bytes);
    return undefined;
  }

  /** Everything has come. Once. */
  end({ length, hash }: FileEnd): string | undefined {
    const announced = this.#header.length;
    if (this.received !== announced || length !== announced) {
      return `${String(this.received)} bytes came, and ${String(announced)} were announced`;
    }
    const problem = this.#hashProblem(hash);
    this.spoilt = problem !== undefined;
    return problem;
  }

  #hashProblem(value: Uint8Array | undefined): string | undefined {
    const hash = this.#hash;
    if (hash === undefined) return undefined;
    if (value === undefined) return 'The hash did not come that was announced';
    return hash.digest().equals(value)
      ? undefined
      : `The ${this.#header.hash!} of what came is not that of what was sent`;
  }
}

function hasherOf(name: string): Hash | undefined {
  if (!hashes.has(name)) return undefined;
  try {
    return createHash(name);
  } catch {
    // A build of Node may be without some.
    return undefined;
  }
}
