import type { createXXHash3 as Create } from 'hash-wasm';
// Only one algorithm of the package: loading and compiling all of them took ten times as long as the rest of a first
// call.
// @ts-expect-error -- the package has types for its whole only.
import one from 'hash-wasm/dist/xxhash3.umd.min.js';

/** Creates an XXH3-64 hasher. The first call compiles WebAssembly. */
export const createXXHash3 = (one as { createXXHash3: typeof Create }).createXXHash3;
