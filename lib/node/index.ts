/**
 * The server side of rxgrid in Node: a Manager that listens, or shares your HTTP server. Everything else is in
 * `rxgrid`.
 *
 * @packageDocumentation
 */

export type { SocketOptions, TlsOptions } from './server/dial.js';
export { serveDashboard, type ServeDashboardOptions } from './dashboard/serve-dashboard.js';
export { closeOnSignals, type CloseOnSignalsOptions } from './server/close-on-signals.js';
export { connect, type NodeConnectOptions } from './server/leaf.js';
export { ListenError } from './server/listen-error.js';
export { Manager, type AttachOptions, type ListenOptions, type ManagerOptions } from './server/manager.js';
export { partialFile } from './files/disk/temporary.js';
export { receiveFile, type ReceiveProgress } from './files/receive/receive-file.js';
export { receiveFiles, type ReceiveFilesProgress } from './files/receive/receive-files.js';
export type { ReceiveFileOptions, ReceiveFilesOptions } from './files/receive/receive-options.js';
export { serveFiles, type ServeFilesOptions } from './files/serve/serve-files.js';
export { toNodeReadable, type NodeReadableOptions } from './to-node-readable.js';
export { fileRegion, type RegionSource } from './files/send/file-region.js';
export { sendfile, type SendfileSource } from './files/send/sendfile.js';
export { hostsFromDns, type DnsHostsOptions } from './membership/hosts-from-dns.js';
export { hostsFromEtcd, type EtcdHostsOptions } from './membership/hosts-from-etcd.js';
export { hostsFromFile, type FileHostsOptions } from './membership/hosts-from-file.js';
export { hostsFromStatefulSet, type StatefulSetOptions } from './membership/hosts-from-stateful-set.js';
export type { HostSourceOptions } from './membership/host-source.js';
export { MembershipError } from './membership/membership-error.js';
