import type { StreamFigures, TransferFigures } from '../../metrics/figures.js';
import { addDurations, noDurations, quantileOf } from '../../metrics/log-histogram.js';
import type { LeafState } from '../../endpoint/leaves/leaf-list.js';
import { shownPart } from '../parts/format.js';
import type { LoggedEvent } from './event-log.js';
import type { Feeds } from './feeds.js';
import type { HostFeed, OfHost } from './host-feed.js';
import { statusOf, type StatusNow, type View } from './host-status.js';
import { mergeLinks, type LinkRow } from './links.js';
import { sumOfKnown, type RouteRate } from './route-rates.js';

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

/**
 * Makes the model. `now` is the monotonic clock, `here` the wall clock of the page, `before` the model of the last
 * drawing.
 */
export function modelOf(feeds: Feeds, now: number, here: number, before?: Model): Model | undefined {
  const { local, hosts: all } = feeds;
  const localFeed = local === undefined ? undefined : all.get(local);
  if (local === undefined || localFeed?.cluster === undefined) return undefined;
  const reporting = [...all.values()].filter((feed) => feed === localFeed || isReporting(feed, localFeed));
  const names = [local, ...localFeed.cluster.hosts.map(({ host }) => host)];
  const views = new Map(names.map((name): [string, View[]] => [name, []]));
  for (const feed of reporting) {
    const wallNow = feed.wallNow(now, here);
    for (const each of feed.cluster?.hosts ?? [])
      views.get(each.host)?.push({ by: feed.name, host: each, now: wallNow });
  }
  const hosts = names.map((name, index) => {
    const feed = all.get(name);
    const reports = feed !== undefined && reporting.includes(feed);
    const row = hostRow({ name, feed, reports, localFeed, views: views.get(name)!, now });
    return sameRow(row, before?.hosts[index]);
  });
  const streams = reporting.flatMap((feed) => feed.streams);
  return {
    at: now,
    local,
    hosts,
    links: mergeLinks(reporting.map(({ links }) => links)),
    routes: reporting.flatMap(({ rates }) => rates.all),
    streams,
    transfers: reporting.flatMap((feed) => feed.transfers),
    leaves: reporting.flatMap((feed) => feed.leaves),
    totals: totalsOf(hosts, reporting, streams),
    events: { events: feeds.events.events, total: feeds.events.total, missed: feeds.events.missed },
  };
}

// Figures that a host reported before it was lost are out of date.
function isReporting(feed: HostFeed, local: HostFeed): boolean {
  if (feed.updatedAt === undefined || feed.problem !== undefined) return false;
  return local.cluster?.hosts.some(({ host, status }) => host === feed.name && status === 'connected') === true;
}

interface HostParts {
  readonly name: string;
  readonly feed: HostFeed | undefined;
  readonly reports: boolean;
  readonly localFeed: HostFeed;
  readonly views: readonly View[];
  readonly now: number;
}

function hostRow({ name, feed, reports, localFeed, views, now }: HostParts): HostRow {
  const isLocal = feed === localFeed;
  const { info } = feed ?? {};
  const uptime = info === undefined || !reports ? undefined : info.uptime + (now - (feed?.infoAt ?? now));
  const served = reports && feed?.hasRoutes === true ? feed.rates.served : undefined;
  const status = statusOf(
    isLocal ? { views, health: feed.health, uptime } : { views, health: reports ? feed?.health : undefined },
  );
  return {
    name,
    ...status,
    for: shownPart(status.for),
    reports,
    problem: feed?.problem,
    calls: served?.calls,
    errors: served?.errors,
    bytes: served?.bytes,
    inFlight: served?.inFlight,
    p99: served?.p99,
    rtt: localFeed.cluster?.hosts.find(({ host }) => host === name)?.stats?.rtt,
    uptime: shownPart(uptime),
    version: info?.version,
    history: served?.history ?? noHistory,
  };
}

const noHistory: readonly number[] = [];

function totalsOf(
  hosts: readonly HostRow[],
  reporting: readonly HostFeed[],
  streams: readonly StreamFigures[],
): Totals {
  const served = reporting.filter(({ hasRoutes }) => hasRoutes).map(({ rates }) => rates.served);
  return {
    up: hosts.filter(({ status }) => status === 'up' || status === 'partly').length,
    hosts: hosts.length,
    calls: sumOfKnown(served.map(({ calls }) => calls)),
    errors: sumOfKnown(served.map(({ errors }) => errors)),
    bytes: sumOfKnown(served.map(({ bytes }) => bytes)),
    p99: quantileOf(
      served.reduce((durations, { recent }) => addDurations(durations, recent), noDurations),
      0.99,
    ),
    stalled: streams.filter(({ stalledFor, sending }) => stalledFor !== undefined && sending !== undefined).length,
  };
}

/** The row of the last drawing, where nothing in it has changed: a table does not draw the same row again. */
function sameRow(row: HostRow, before: HostRow | undefined): HostRow {
  if (before === undefined) return row;
  const keys = Object.keys(row) as (keyof HostRow)[];
  return keys.every((key) => row[key] === before[key]) ? before : row;
}
