/**
 * Typed calls and duplex streams between hosts, over one WebSocket per pair, with backpressure that follows the Rx
 * consumer. This entry runs in Node and in browsers; `rxgrid/node` adds the server side.
 *
 * @packageDocumentation
 */

export {
  connect,
  type ConnectOptions,
  type LeafConnection,
  type TokenRequest,
  type TokenSource,
} from './endpoint/leaves/leaf.js';
export { Manager } from './endpoint/manager.js';
export type { ClusterState, HostState } from './endpoint/peers/cluster-state.js';
export type { ManagerOptions } from './endpoint/manager-options.js';
export {
  sharedSecret,
  staticToken,
  type Auth,
  type AuthContext,
  type SharedSecretOptions,
} from './endpoint/accept/auth.js';
export type { DialerInfo } from './endpoint/accept/acceptor.js';
export type { LeafIdentity, LeafOptions } from './endpoint/leaves/leaves.js';
export type { LeafLimits } from './endpoint/leaves/connected-leaf.js';
export type { RelayOptions, RelayRequest } from './endpoint/relay.js';
export { relayRoutes } from './contract/relay-routes.js';
export type { LeafDeparture, LeafState, LeavesState } from './endpoint/leaves/leaf-list.js';
export type { Health, HealthStatus, ReadyQuorum } from './endpoint/health.js';
export type { RouteFigures, StreamFigures, StreamList, TransferFigures, TransferList } from './metrics/figures.js';
export type { Durations } from './metrics/log-histogram.js';
export type { DirectionCredit, StreamCounts } from './metrics/open-streams.js';
export type { Side } from './metrics/route-meter.js';
export type { AnyHost, ClusterCalls, EveryHost } from './endpoint/peers/cluster-calls.js';
export type { DrainOptions, DrainResult } from './endpoint/drain.js';
export type { AnyHostOptions } from './cluster/any-host.js';
export type { HostLoad } from './cluster/cluster-hosts.js';
export type { EveryHostOptions } from './cluster/every-host.js';
export type { HostFailure, HostOutcome, HostValue } from './cluster/host-outcome.js';
export type { PickHost } from './cluster/pick-host.js';
export { QuorumError } from './cluster/quorum-error.js';
export { quorum } from './cluster/quorum.js';
export type { EndpointOptions } from './endpoint/endpoint.js';

export { float } from './codec/float.js';
export {
  raw,
  type,
  type RegionCodec,
  type Codec,
  type PayloadCodec,
  type Received,
  type Sent,
  type SentItem,
  type Shape,
  type TypeOnly,
} from './codec/codec.js';
export type { Connection, Input, Payload } from './contract/connection.js';
export {
  duplex,
  unary,
  type Duplex,
  type ErrorsOf,
  type Route,
  type RouteBase,
  type RouteDefinition,
  type Unary,
} from './contract/contract.js';
export type { DuplexStream } from './contract/duplex-stream.js';
export {
  type Bound,
  type Call,
  type Handler,
  type HandlerOf,
  type Handles,
  type HandleOptions,
  type Registration,
  type Many,
  type One,
  type Output,
  type RawHandler,
} from './contract/handler.js';
export { bind, bindAll } from './handlers/bound.js';
export { msgpack, type MsgpackOptions } from './codec/msgpack-codec.js';
export type { CallOptions } from './contract/options.js';
export { at, group, type Api, type ApiOf, type Group, type HandlersOf, type Routes } from './contract/group.js';
export type { RetryOptions, RouteDefaults } from './contract/route-defaults.js';
export {
  DeclaredError,
  defineError,
  InvalidArgumentError,
  PermissionDeniedError,
  ResourceExhaustedError,
  UnauthenticatedError,
  UnavailableError,
  type AnyErrorClass,
  type DeclaredErrorOptions,
  type ErrorClass,
  type ErrorDefinition,
} from './contract/define-error.js';
export type {
  AnyInterceptor,
  CallInterceptor,
  HandlerInterceptor,
  IncomingCall,
  InterceptOptions,
  Interceptor,
  Next,
  OutgoingCall,
  RouteInfo,
} from './contract/interceptor.js';

export { fileItems } from './files/file-codec.js';
export { FileChangedError, FileError } from './files/file-error.js';
export type { FileItem } from './files/file-item.js';
export { FileRegion, type FileMode, type FileProgress, type RegionOptions } from './files/file-region.js';
export type { SendfileOptions } from './files/send-regions.js';
export { fileRegion, sendfile } from './files/sendfile.js';
export type { RegionItem } from './codec/region-item.js';

export type { CallObservable } from './flow/call-observable.js';
export type { Delivery } from './flow/delivery.js';
export { autoRelease } from './operators/auto-release.js';
export { bufferBounded, type BufferBoundedOptions } from './operators/buffer-bounded.js';
export { chunk, type ChunkOptions } from './operators/chunk.js';
export { conflate, type ConflateOptions } from './operators/conflate.js';
export { consume, type ConsumeOptions } from './operators/consume.js';
export type { Drop, DropObserver } from './operators/drop.js';
export { fromIterable, type PullOptions } from './operators/from-iterable.js';
export { fromReadableStream } from './operators/from-readable-stream.js';
export { multicast } from './operators/multicast.js';
export { PushGroups, type PushGroupsOptions } from './operators/push-groups.js';
export { resumable, type ResumableOptions } from './operators/resumable.js';
export { retryOnDisconnect, type RetryOnDisconnectOptions } from './operators/retry-on-disconnect.js';
export { sendTo, type SendProgress } from './operators/send-to.js';
export { takeUntilAborted } from './operators/take-until-aborted.js';
export { toAsyncIterable } from './operators/to-async-iterable.js';
export { toReadableStream } from './operators/to-readable-stream.js';
export { unchunk } from './operators/unchunk.js';
export type { ReaderOptions } from './flow/pull/reader-pull.js';

export type { ConnectionStats } from './connection/figures.js';
export type { ConnectionState, ConnectionStatus, NextAttempt } from './connection/connection-state.js';
export type { ChecksumMode } from './connection/handshake.js';
export type { ObservedFrame } from './connection/link.js';
export type { Dial, DialOptions, Socket } from './transport/socket.js';

export {
  BufferOverflowError,
  CancelledError,
  CodecError,
  ConfigurationError,
  DeadlineExceededError,
  DisconnectedError,
  DrainingError,
  GridError,
  HandlerError,
  InterceptorError,
  LimitError,
  ProtocolError,
  RefusedError,
  RemoteError,
  type RemoteErrorDetails,
  type SchemaIssue,
} from './errors.js';
export { ClosedError, RejectedError, type ClosedCode, type RejectionCode } from './rejection.js';
export { defaultLimits, defaultWindow, type Limits, type CreditWindow } from './limits.js';
export type { ErrorInfo } from './error-info.js';
export type { GridEvent } from './observe.js';
export type { Runtime } from './runtime.js';
export type { Meta } from './wire/payloads/opening-extra.js';
