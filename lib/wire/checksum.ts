import { ConfigurationError } from '../errors.js';
import type { Hash32 } from './frame.js';

/**
 * XXH3-64 with seed 0, as the wire protocol uses it (sections 1 and 2).
 *
 * All calls share one hasher, so they must not overlap. They cannot: each call is synchronous and calls no user code,
 * and a worker thread has its own module instance.
 */
export interface Checksum {
  /** The low 32 bits of the hash of `bytes`, as an unsigned integer. */
  readonly hash: Hash32;
  /** Like {@link Checksum.hash} of all parts joined, without joining them. */
  hashParts(parts: readonly Uint8Array[]): number;
  /** The full hash of the UTF-8 bytes of `text`, as an unsigned integer. Decides which host dials; not optimized. */
  hash64(text: string): bigint;
}

let shared: Promise<Checksum> | undefined;

/**
 * Returns the one {@link Checksum} of this module; the first call compiles it.
 *
 * @throws ConfigurationError (the promise rejects) where WebAssembly is missing or forbidden; Error where the file with
 * it cannot be loaded. A later call tries again.
 */
export function createChecksum(): Promise<Checksum> {
  shared ??= compile().catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

// Loaded on demand: a leaf without checksums needs neither this file nor its WebAssembly.
async function load(): Promise<typeof import('./xxh3.js').createXXHash3> {
  try {
    const { createXXHash3 } = await import('./xxh3.js');
    return createXXHash3;
  } catch (cause) {
    throw new Error('The file of the checksum could not be loaded.', { cause });
  }
}

async function compile(): Promise<Checksum> {
  const create = await load();
  const hasher = await create().catch((cause: unknown) => {
    throw new ConfigurationError(
      "The checksum needs WebAssembly: in a page, allow 'wasm-unsafe-eval' in the Content-Security-Policy, " +
        "or turn the checksum off with the option checksum: 'off'.",
      { cause },
    );
  });
  const utf8 = new TextEncoder();
  // The digest is 8 bytes, big-endian. Taken as bytes: the hexadecimal form costs more to make and to parse.
  const low32 = (): number => {
    const digest = hasher.digest('binary');
    return ((digest[4]! << 24) | (digest[5]! << 16) | (digest[6]! << 8) | digest[7]!) >>> 0;
  };
  return {
    hash(bytes) {
      hasher.init();
      hasher.update(bytes);
      return low32();
    },
    hashParts(parts) {
      hasher.init();
      for (const part of parts) hasher.update(part);
      return low32();
    },
    hash64(text) {
      hasher.init();
      // Encoded here, so that an unpaired surrogate gives the same bytes in Node and in browsers.
      hasher.update(utf8.encode(text));
      return BigInt(`0x${hasher.digest('hex')}`);
    },
  };
}
