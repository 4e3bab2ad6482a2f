/**
 * The server side of rxgrid in Node: a Manager that listens, or shares your HTTP server. Everything else is in `rxgrid`.
 *
 * @packageDocumentation
 */

export type { SocketOptions, TlsOptions } from './dial.js';
export { connect, type NodeConnectOptions } from './leaf.js';
export { Manager, type ListenOptions, type ManagerOptions } from './manager.js';
export { partialFile } from './files/temporary.js';
export { receiveFile, type ReceiveFileOptions, type ReceiveProgress } from './files/receive-file.js';
export { receiveFiles, type ReceiveFilesOptions, type ReceiveFilesProgress } from './files/receive-files.js';
export { serveFiles, type ServeFilesOptions } from './files/serve-files.js';
export { toNodeReadable, type NodeReadableOptions } from './to-node-readable.js';
export { fileRegion, type RegionSource } from './files/file-region.js';
export { sendfile, type SendfileSource } from './files/sendfile.js';
