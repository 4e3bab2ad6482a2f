export { createXXHash3 } from 'hash-wasm';
