import type { ConnectionStats } from '../connection/figures.js';
import type { ClusterState, HostState } from '../endpoint/peers/cluster-state.js';
import type { Health } from '../endpoint/health.js';
import type { LeafDeparture, LeafState, LeavesState } from '../endpoint/leaves/leaf-list.js';
import type { ErrorInfo } from '../error-info.js';
import { CodecError } from '../errors.js';
import { maxListed, maxMonitorEvents } from '../bounds.js';
import type { RouteFigures, StreamFigures, StreamList, TransferFigures, TransferList } from '../metrics/figures.js';
import { durationBuckets, noDurations, type Durations } from '../metrics/log-histogram.js';
import type { DirectionCredit, StreamCounts } from '../metrics/open-streams.js';
import type { GridEvent } from '../observe.js';
import type { RecordFramesOptions } from './record-frames.js';
import { defined, fields, list, number, oneOf, optionalFields, optionalNumber, optionalText, text } from './reader.js';

/** Name, version, uptime and clock of a host. */
export interface HostInfo {
  /** Name of the host; of the host itself, not of the one that is asked for it. */
  readonly host: string;
  /** Version of rxgrid that it runs. */
  readonly version: string;
  /** How long it has been running, in ms. */
  readonly uptime: number;
  /** Its wall clock, in ms since the epoch. */
  readonly time: number;
}

/** One other host, as the monitored host sees it, with the figures of the connection. */
export interface MonitoredHost extends HostState {
  /** Undefined where the monitored host does not report it. */
  readonly stats: ConnectionStats | undefined;
}

/** The cluster, as the monitored host sees it. */
export interface MonitoredCluster extends ClusterState {
  readonly hosts: readonly MonitoredHost[];
}

/** The figures of a host at one moment. */
export interface MonitorSnapshot {
  readonly info: HostInfo;
  readonly cluster: MonitoredCluster;
  readonly routes: readonly RouteFigures[];
  readonly streams: StreamList;
  readonly transfers: TransferList;
}

/** An event of the monitored host. */
export interface MonitorEvent {
  /** When it happened by the wall clock of the host, in ms since the epoch. */
  readonly at: number;
  /** What happened: its fields depend on `type`. A host of a later version may have events of other types. */
  readonly event: GridEvent;
}

/** Events that come together. */
export interface MonitorEvents {
  /** Oldest first; at most 256. */
  readonly events: readonly MonitorEvent[];
  /** Events that were left out before these, because more came than the reader took. */
  readonly missed: number;
}

const maxHosts = 4_096;
const statuses = ['connecting', 'connected', 'back-off', 'closed', 'draining'] as const;

export function readInfo(value: unknown): HostInfo {
  const { host, version, uptime, time } = fields(value);
  return { host: text(host), version: text(version, 'unknown'), uptime: number(uptime), time: number(time) };
}

/** The request for a recording. */
export function readFramesRequest(value: unknown): RecordFramesOptions {
  const { payloads, peer } = optionalFields(value);
  return { payloads: payloads === true, ...(typeof peer === 'string' ? { peer } : {}) };
}

/** Lines of a recording; not printable, since they are data for a file. */
export function readLines(value: unknown): { readonly lines: string } {
  const { lines } = fields(value);
  return { lines: typeof lines === 'string' ? lines : '' };
}

export function readHealth(value: unknown): Health {
  const { status, reason, hosts, connected, needed } = fields(value);
  return defined({
    status: oneOf(status, 'starting', 'ready', 'draining', 'closed'),
    reason: optionalText(reason),
    hosts: number(hosts),
    connected: number(connected),
    needed: number(needed),
  });
}

export function readCluster(value: unknown): MonitoredCluster {
  const { local, hosts } = fields(value);
  return { local: text(local), hosts: list(hosts, maxHosts, readHost) };
}

function readHost(value: unknown): MonitoredHost {
  const { host, status, since, connects, error, dials, readPath, stats } = fields(value);
  return {
    host: text(host),
    status: oneOf(status, ...statuses),
    since: number(since),
    connects: number(connects),
    dials: dials === 'local' || dials === 'remote' ? dials : undefined,
    ...(error === undefined ? {} : { error: readError(error) }),
    ...(readPath === 'buffer' || readPath === 'ws' ? { readPath } : {}),
    stats: stats === undefined ? undefined : readStats(stats),
  };
}

function readError(value: unknown): ErrorInfo {
  const { name, code, message } = optionalFields(value);
  return defined({ name: text(name, 'Error'), code: optionalText(code), message: text(message) });
}

function readStats(value: unknown): ConnectionStats {
  const stats = optionalFields(value);
  return {
    host: text(stats.host),
    rtt: optionalNumber(stats.rtt),
    callsOut: number(stats.callsOut),
    callsIn: number(stats.callsIn),
    openOut: number(stats.openOut),
    openIn: number(stats.openIn),
    messagesOut: number(stats.messagesOut),
    messagesIn: number(stats.messagesIn),
    bytesOut: number(stats.bytesOut),
    bytesIn: number(stats.bytesIn),
    creditStalls: number(stats.creditStalls),
    queuedBytes: number(stats.queuedBytes),
  };
}

export function readRoutes(value: unknown): readonly RouteFigures[] {
  if (!Array.isArray(value)) throw new CodecError('The host sent figures of routes that are not a list.');
  return list(value, maxListed, readRoute);
}

function readRoute(value: unknown): RouteFigures {
  const figures = fields(value);
  return {
    route: text(figures.route),
    kind: oneOf(figures.kind, 'unary', 'duplex'),
    ...readInternal(figures),
    side: oneOf(figures.side, 'caller', 'handler'),
    calls: number(figures.calls),
    inFlight: number(figures.inFlight),
    cancelled: number(figures.cancelled),
    errors: Object.fromEntries(
      Object.entries(optionalFields(figures.errors))
        .slice(0, 64)
        .map(([code, count]) => [text(code), number(count)]),
    ),
    ...readCounts(figures),
    durations: readDurations(figures.durations),
    p50: optionalNumber(figures.p50),
    p95: optionalNumber(figures.p95),
    p99: optionalNumber(figures.p99),
  };
}

function readCounts(figures: Readonly<Record<string, unknown>>): StreamCounts {
  return {
    itemsOut: number(figures.itemsOut),
    itemsIn: number(figures.itemsIn),
    bytesOut: number(figures.bytesOut),
    bytesIn: number(figures.bytesIn),
    creditStalls: number(figures.creditStalls),
    creditStalledMs: number(figures.creditStalledMs),
  };
}

function readDurations(value: unknown): Durations {
  const { count, sum, first, counts } = optionalFields(value);
  const from = number(first);
  if (!Number.isInteger(from) || from < 0 || from >= durationBuckets) return noDurations;
  const buckets = list(counts, durationBuckets - from, (each) => Math.max(0, number(each)));
  return { count: Math.max(0, number(count)), sum: number(sum), first: from, counts: buckets };
}

export function readStreams(value: unknown): StreamList {
  const { open, stalled, streams } = fields(value);
  return { open: number(open), stalled: number(stalled), streams: list(streams, maxListed, readStream) };
}

function readStream(value: unknown): StreamFigures {
  const figures = fields(value);
  return {
    id: text(figures.id),
    route: text(figures.route),
    ...readInternal(figures),
    side: oneOf(figures.side, 'caller', 'handler'),
    peer: text(figures.peer),
    age: number(figures.age),
    ...readCounts(figures),
    stalledFor: optionalNumber(figures.stalledFor),
    sending: readCredit(figures.sending),
    receiving: readCredit(figures.receiving),
  };
}

function readInternal({ internal }: ReturnType<typeof fields>): { readonly internal?: true } {
  return internal === true ? { internal } : {};
}

function readCredit(value: unknown): DirectionCredit | undefined {
  if (value === undefined || value === null) return undefined;
  const { granted, used } = optionalFields(value);
  return { granted: number(granted), used: number(used) };
}

export function readTransfers(value: unknown): TransferList {
  const { open, transfers } = fields(value);
  return { open: number(open), transfers: list(transfers, maxListed, readTransfer) };
}

function readTransfer(value: unknown): TransferFigures {
  const figures = fields(value);
  return {
    id: number(figures.id),
    direction: oneOf(figures.direction, 'send', 'receive'),
    path: text(figures.path),
    route: text(figures.route),
    peer: text(figures.peer),
    moved: number(figures.moved),
    total: number(figures.total),
    rate: number(figures.rate),
    mode: optionalText(figures.mode),
    age: number(figures.age),
  };
}

export function readSnapshot(value: unknown): MonitorSnapshot {
  const { info, cluster, routes, streams, transfers } = fields(value);
  return {
    info: readInfo(optionalFields(info)),
    cluster: readCluster(optionalFields(cluster)),
    routes: readRoutes(Array.isArray(routes) ? routes : []),
    streams: readStreams(optionalFields(streams)),
    transfers: readTransfers(optionalFields(transfers)),
  };
}

export function readLeaves(value: unknown): LeavesState {
  const { connected, leaves, arrived, left } = fields(value);
  return {
    connected: number(connected),
    leaves: list(leaves, maxListed, readLeaf),
    arrived: list(arrived, maxListed, readLeaf),
    left: list(left, maxListed, readDeparture),
  };
}

function readLeaf(value: unknown): LeafState {
  const { identity, since, address, origin } = fields(value);
  return defined({
    identity: text(identity),
    since: number(since),
    address: optionalText(address),
    origin: optionalText(origin),
  });
}

function readDeparture(value: unknown): LeafDeparture {
  const reason = optionalText(fields(value).reason);
  return { ...readLeaf(value), ...(reason === undefined ? {} : { reason }) };
}

export function readEvents(value: unknown): MonitorEvents {
  const { events, missed } = fields(value);
  return { events: list(events, maxMonitorEvents, readEvent), missed: number(missed) };
}

function readEvent(value: unknown): MonitorEvent {
  const { at, event } = fields(value);
  const { type, ...others } = fields(event);
  const entries = Object.entries(others).flatMap(([name, each]): [string, unknown][] => {
    if (typeof each === 'string') return [[name, text(each)]];
    if (typeof each === 'number' || typeof each === 'boolean') return [[name, each]];
    return name === 'error' ? [[name, readError(each)]] : [];
  });
  return {
    at: number(at),
    event: { type: text(type, 'unknown'), ...Object.fromEntries(entries) } as unknown as GridEvent,
  };
}
