import type { createXXHash3 as Create } from 'hash-wasm';
// One algorithm of the package: to load and compile all of them took ten times as long as everything else of a first call.
// @ts-expect-error -- the package has types for its whole only.
import one from 'hash-wasm/dist/xxhash3.umd.min.js';

/** Makes an XXH3-64 hasher; the first call compiles WebAssembly. */
export const createXXHash3 = (one as { createXXHash3: typeof Create }).createXXHash3;
