/**
 * The server side of rxgrid in Node: a Manager that listens, or shares your HTTP server. Everything else is in `rxgrid`.
 *
 * @packageDocumentation
 */

export type { SocketOptions, TlsOptions } from './dial.js';
export { connect, type NodeConnectOptions } from './leaf.js';
export { Manager, type ListenOptions, type ManagerOptions } from './manager.js';
export { toNodeReadable, type NodeReadableOptions } from './to-node-readable.js';
export { fileRegion, type RegionSource } from './files/file-region.js';
export { sendfile, type SendfileSource } from './files/sendfile.js';
