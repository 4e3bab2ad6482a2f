import type { Health } from '../../endpoint/health.js';
import type { LeafState, LeavesState } from '../../endpoint/leaves/leaf-list.js';
import type { RouteFigures, StreamFigures, StreamList, TransferFigures, TransferList } from '../../metrics/figures.js';
import type { HostInfo, MonitoredCluster, MonitoredHost } from '../../monitor/index.js';
import { reportedLinks, type LinkRow } from './links.js';
import { growth, RouteRates } from './route-rates.js';

/** A stream, a transfer or a leaf, with the host that reports it. */
export type OfHost<T> = T & { readonly host: string };

/** Everything that one host has reported of itself. */
export class HostFeed {
  readonly name: string;
  info: HostInfo | undefined = undefined;
  /**
   * When the host was started, by its own clock; the same number until it is started again. 0 where it has not reported
   * that.
   */
  startedAt = 0;
  /** The time of the monotonic clock here at which `info` came. */
  infoAt = 0;
  cluster: MonitoredCluster | undefined = undefined;
  streams: readonly OfHost<StreamFigures>[] = [];
  transfers: readonly OfHost<TransferFigures>[] = [];
  leaves: readonly OfHost<LeafState>[] = [];
  health: Health | undefined = undefined;
  /** True once it has reported the figures of its routes. */
  hasRoutes = false;
  /** Why it reports nothing, or has stopped to report. */
  problem: string | undefined = undefined;
  /** When figures came last, by the monotonic clock here. */
  updatedAt: number | undefined = undefined;
  readonly rates: RouteRates;
  /** Its connections. */
  links: readonly LinkRow[] = [];
  // Bytes per second of its connections, in both directions; undefined until it has reported their figures twice.
  readonly #linkRates = new Map<string, number | undefined>();
  readonly #lost = new Map<string, number>();
  readonly #bytes = new Map<string, { readonly at: number; readonly bytes: number }>();

  constructor(name: string) {
    this.name = name;
    this.rates = new RouteRates(name);
  }

  setInfo(info: HostInfo, now: number): void {
    const startedAt = info.time - info.uptime;
    // Two readings of its clock differ by a little.
    if (Math.abs(startedAt - this.startedAt) > 5_000) this.startedAt = startedAt;
    this.info = info;
    this.infoAt = now;
  }

  /** The wall clock of the host, in ms since the epoch, where it has reported it; else the one of the page. */
  wallNow(now: number, here: number): number {
    return this.info === undefined || this.info.time === 0 ? here : this.info.time + (now - this.infoAt);
  }

  setCluster(cluster: MonitoredCluster, now: number): void {
    this.cluster = { ...cluster, hosts: cluster.hosts.map((host) => this.#lostSince(host)) };
    this.#hasReported(now);
    for (const { host, stats } of cluster.hosts) {
      if (stats === undefined) continue;
      const bytes = stats.bytesIn + stats.bytesOut;
      const before = this.#bytes.get(host);
      // Figures also come when a state changes, which is too soon after the last ones for a rate.
      if (before !== undefined && now - before.at < 500) continue;
      const rate = before === undefined ? undefined : (growth(bytes, before.bytes) * 1_000) / (now - before.at);
      this.#linkRates.set(host, rate);
      this.#bytes.set(host, { at: now, bytes });
    }
    this.links = reportedLinks(this.name, this.cluster, (host) => this.#linkRates.get(host));
  }

  setRoutes(figures: readonly RouteFigures[], now: number): void {
    this.hasRoutes = true;
    this.rates.update(figures, now);
    this.#hasReported(now);
  }

  setStreams(streams: StreamList, now: number): void {
    this.streams = this.#own(streams.streams.filter(({ internal }) => internal !== true));
    this.#hasReported(now);
  }

  setTransfers(transfers: TransferList, now: number): void {
    this.transfers = this.#own(transfers.transfers);
    this.#hasReported(now);
  }

  setLeaves({ leaves }: LeavesState): void {
    this.leaves = this.#own(leaves);
  }

  #own<T extends object>(list: readonly T[]): readonly OfHost<T>[] {
    return list.map((each) => ({ ...each, host: this.name }));
  }

  // Each attempt to connect begins a new state. The page shows since when the host is lost.
  #lostSince(host: MonitoredHost): MonitoredHost {
    if (host.status === 'connected') {
      this.#lost.delete(host.host);
      return host;
    }
    const since = Math.min(this.#lost.get(host.host) ?? host.since, host.since);
    this.#lost.set(host.host, since);
    return { ...host, since };
  }

  #hasReported(now: number): void {
    this.updatedAt = now;
    this.problem = undefined;
  }
}
