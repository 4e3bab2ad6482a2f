// The workloads that a client process can run, on any adapter. Each gives `count` and `seconds`.
export { unary } from './unary.mjs';
export { stream } from './stream.mjs';
export { duplex } from './duplex.mjs';
export { cancel } from './cancel.mjs';
export { besideBulk } from './beside-bulk.mjs';
export { shares } from './shares.mjs';
