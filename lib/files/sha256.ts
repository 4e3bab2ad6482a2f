import type { createSHA256 as Create } from 'hash-wasm';
// Only this algorithm of the package, as in wire/xxh3.ts.
// @ts-expect-error -- the package has types for its main entry only.
import one from 'hash-wasm/dist/sha256.umd.min.js';

/** Makes a SHA-256 hasher; the first call compiles WebAssembly. */
export const createSHA256 = (one as { createSHA256: typeof Create }).createSHA256;
