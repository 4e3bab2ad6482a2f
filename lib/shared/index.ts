/**
 * One connection to a host for all pages of an origin, in a `SharedWorker`: `shareConnection` in the worker,
 * `connectShared` in the pages.
 *
 * @packageDocumentation
 */

export { connectShared, type ConnectSharedOptions } from './connect-shared.js';
export { shareConnection, type SharedConnection, type ShareOptions } from './share-connection.js';
export type { WorkerPort } from './worker-line.js';
