import type { StreamFigures, TransferFigures } from '../../metrics/figures.js';
import { addDurations, noDurations, quantileOf } from '../../metrics/log-histogram.js';
import type { LeafState } from '../../endpoint/leaves/leaf-list.js';
import type { MonitoredHost } from '../../monitor/index.js';
import type { LoggedEvent } from './event-log.js';
import type { Feeds } from './feeds.js';
import type { HostFeed } from './host-feed.js';
import { statusOf, type StatusNow, type View } from './host-status.js';
import { sum, type RouteRate } from './route-rates.js';

/** One host, as the page shows it. */
export interface HostRow extends StatusNow {
  readonly name: string;
  /** True where its figures come to the page. */
  readonly reports: boolean;
  /** Why it reports no figures. */
  readonly problem: string | undefined;
  readonly calls: number | undefined;
  readonly errors: number | undefined;
  readonly bytes: number | undefined;
  readonly p99: number | undefined;
  readonly inFlight: number | undefined;
  /** Round trip from the host that the page is connected to, in ms. */
  readonly rtt: number | undefined;
  readonly uptime: number | undefined;
  readonly version: string | undefined;
  readonly history: readonly number[];
}

/** The connection between two hosts. */
export interface LinkRow {
  readonly from: string;
  readonly to: string;
  readonly status: MonitoredHost['status'];
  readonly rtt: number | undefined;
  readonly bytes: number | undefined;
  /** Which of the two dialed. */
  readonly dialer: string | undefined;
  readonly since: number;
  readonly why: string | undefined;
  readonly connects: number;
}

/** A stream or a transfer, with the host that reports it. */
export type OfHost<T> = T & { readonly host: string };

/** Figures of the whole cluster at one moment. */
export interface Totals {
  readonly up: number;
  readonly hosts: number;
  readonly calls: number | undefined;
  readonly errors: number | undefined;
  readonly bytes: number | undefined;
  readonly p99: number | undefined;
  readonly stalled: number | undefined;
}

/** What the page shows: made anew for each drawing. */
export interface Model {
  readonly at: number;
  readonly local: string;
  readonly hosts: readonly HostRow[];
  readonly links: readonly LinkRow[];
  readonly routes: readonly RouteRate[];
  readonly streams: readonly OfHost<StreamFigures>[];
  readonly transfers: readonly OfHost<TransferFigures>[];
  readonly leaves: readonly OfHost<LeafState>[];
  readonly totals: Totals;
  readonly events: EventsNow;
}

/** The log of events at one moment. */
export interface EventsNow {
  readonly events: readonly LoggedEvent[];
  readonly total: number;
  readonly missed: number;
}

/** Makes the model. `now` is the monotonic clock, `here` the wall clock of the page. */
export function modelOf(feeds: Feeds, now: number, here: number): Model | undefined {
  const { local, hosts: all } = feeds;
  const localFeed = local === undefined ? undefined : all.get(local);
  if (local === undefined || localFeed?.cluster === undefined) return undefined;
  const reporting = [...all.values()].filter((feed) => feed === localFeed || isReporting(feed, localFeed));
  const names = [local, ...localFeed.cluster.hosts.map(({ host }) => host)];
  const views = new Map(names.map((name): [string, View[]] => [name, []]));
  for (const feed of reporting) {
    for (const each of feed.cluster?.hosts ?? []) {
      views.get(each.host)?.push({ by: feed.name, host: each, now: feed.wallNow(now, here) });
    }
  }
  const routes = reporting.flatMap(({ rates }) => rates.all);
  const served = routes.filter(({ side }) => side === 'handler');
  const byHost = groupByHost(served);
  const hosts = names.map((name) => {
    const feed = all.get(name);
    const reports = feed !== undefined && reporting.includes(feed);
    return hostRow({ name, feed, reports, localFeed, views: views.get(name)!, routes: byHost.get(name) ?? [], now });
  });
  const streams = reporting.flatMap(({ name, streams: list }) =>
    (list?.streams ?? []).map((each) => ({ ...each, host: name })),
  );
  return {
    at: now,
    local,
    hosts,
    links: linksOf(reporting),
    routes,
    streams,
    transfers: reporting.flatMap(({ name, transfers }) =>
      (transfers?.transfers ?? []).map((each) => ({ ...each, host: name })),
    ),
    leaves: reporting.flatMap(({ name, leaves }) => (leaves?.leaves ?? []).map((each) => ({ ...each, host: name }))),
    totals: totalsOf(hosts, served, streams),
    events: { events: feeds.events.events, total: feeds.events.total, missed: feeds.events.missed },
  };
}

// Figures that a host reported before it was lost are out of date.
function isReporting(feed: HostFeed, local: HostFeed): boolean {
  if (feed.updatedAt === undefined || feed.problem !== undefined) return false;
  return local.cluster?.hosts.some(({ host, status }) => host === feed.name && status === 'connected') === true;
}

function groupByHost(rates: readonly RouteRate[]): Map<string, RouteRate[]> {
  const groups = new Map<string, RouteRate[]>();
  for (const each of rates) groups.set(each.host, [...(groups.get(each.host) ?? []), each]);
  return groups;
}

interface HostParts {
  readonly name: string;
  readonly feed: HostFeed | undefined;
  readonly reports: boolean;
  readonly localFeed: HostFeed;
  readonly views: readonly View[];
  readonly routes: readonly RouteRate[];
  readonly now: number;
}

function hostRow({ name, feed, reports, localFeed, views, routes, now }: HostParts): HostRow {
  const isLocal = feed === localFeed;
  const { info } = feed ?? {};
  const uptime = info === undefined || !reports ? undefined : info.uptime + (now - (feed?.infoAt ?? now));
  const figure = (of: (each: RouteRate) => number | undefined): number | undefined =>
    reports && feed?.hasRoutes === true ? added(routes.map(of)) : undefined;
  return {
    name,
    ...statusOf(
      isLocal ? { views, health: feed.health, uptime } : { views, health: reports ? feed?.health : undefined },
    ),
    reports,
    problem: feed?.problem,
    calls: figure(({ calls }) => calls),
    errors: figure(({ errors }) => errors),
    bytes: figure(({ bytes }) => bytes),
    inFlight: figure(({ inFlight }) => inFlight),
    p99: p99Of(routes),
    rtt: localFeed.cluster?.hosts.find(({ host }) => host === name)?.stats?.rtt,
    uptime,
    version: info?.version,
    history: historyOf(routes),
  };
}

function totalsOf(hosts: readonly HostRow[], served: readonly RouteRate[], streams: readonly StreamFigures[]): Totals {
  return {
    up: hosts.filter(({ status }) => status === 'up' || status === 'partly').length,
    hosts: hosts.length,
    calls: added(served.map(({ calls }) => calls)),
    errors: added(served.map(({ errors }) => errors)),
    bytes: added(served.map(({ bytes }) => bytes)),
    p99: p99Of(served),
    stalled: streams.filter(({ stalledFor, sending }) => stalledFor !== undefined && sending !== undefined).length,
  };
}

/** The 99th percentile of unary calls. Streams do not count: their duration says nothing about speed. */
function p99Of(routes: readonly RouteRate[]): number | undefined {
  const all = routes
    .filter(({ kind }) => kind === 'unary')
    .reduce((durations, { recent }) => addDurations(durations, recent), noDurations);
  return quantileOf(all, 0.99);
}

/** The sum of what is known; undefined where nothing is. */
function added(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 && values.length > 0 ? undefined : sum(known);
}

function historyOf(routes: readonly RouteRate[]): readonly number[] {
  const length = Math.max(0, ...routes.map(({ history }) => history.length));
  return Array.from({ length }, (_, index) =>
    sum(routes.map(({ history }) => history[history.length - length + index] ?? 0)),
  );
}

function linksOf(reporting: readonly HostFeed[]): readonly LinkRow[] {
  const links = new Map<string, LinkRow>();
  for (const feed of reporting) {
    for (const each of feed.cluster?.hosts ?? []) {
      const key = [feed.name, each.host].sort().join('\n');
      const row: LinkRow = {
        from: feed.name,
        to: each.host,
        status: each.status,
        rtt: each.stats?.rtt,
        bytes: feed.links.get(each.host)?.bytes,
        dialer: each.dials === undefined ? undefined : each.dials === 'local' ? feed.name : each.host,
        since: each.since,
        why: each.error?.message,
        connects: each.connects,
      };
      const known = links.get(key);
      // Both ends report the link: the one that has lost the other knows more.
      if (known === undefined || (known.status === 'connected' && row.status !== 'connected')) links.set(key, row);
    }
  }
  return [...links.values()];
}
