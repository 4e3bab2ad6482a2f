import { combineLatest, firstValueFrom, map, ReplaySubject, share, startWith, take, type Observable } from 'rxjs';
import { aFunction, checkOptions, oneOf, type Rule } from '../check.js';
import type { ConnectionStats } from '../connection/figures.js';
import type { Connection } from '../contract/connection.js';
import { PermissionDeniedError } from '../contract/define-error.js';
import type { Call } from '../contract/handler.js';
import type { LeavesState } from '../endpoint/leaves/leaf-list.js';
import type { Manager } from '../endpoint/manager.js';
import { maxListed } from '../bounds.js';
import type { RouteFigures } from '../metrics/figures.js';
import { conflate } from '../operators/conflate.js';
import { version } from '../version.js';
import { describe } from './describe.js';
import { EventFeed } from './event-feed.js';
import type { MonitoredCluster } from './messages.js';
import { monitorRoutes } from './monitor-routes.js';
import { recordedBatches, type RecordFramesOptions } from './record-frames.js';

/** A request for something that the monitor reports. */
export interface MonitorRequest {
  /** Name of the calling host, or identity of the leaf. */
  readonly caller: string;
  readonly callerKind: 'host' | 'leaf';
  /** Which of the monitor's routes is called. A snapshot is several of them: each is authorized. */
  readonly what: Exclude<keyof typeof monitorRoutes, 'snapshot'>;
}

/** Options of {@link serveMonitor}. */
export interface ServeMonitorOptions {
  /**
   * Authorizes each reader. Default: the hosts of the cluster are allowed, leaves are not. An error that it throws
   * refuses, too.
   */
  authorize?(request: MonitorRequest): boolean | Promise<boolean>;
  /**
   * Whether authorized readers may also record the frames on the connections of this host (`rxgrid record`):
   * `'headers'`, the frames without their payloads; `'payloads'`, with all that the users of the mesh send each other.
   * Default `'none'`.
   */
  readonly frames?: 'none' | 'headers' | 'payloads';
}

/**
 * Serves what a host knows about itself to `monitor()` on other hosts and leaves: its routes, its connections, counts
 * and durations, open streams, transfers, leaves, health and events. Without it a host serves nothing of that.
 *
 * Figures are sent once a second at most, and only to readers that have subscribed; one that does not keep up gets the
 * newest.
 *
 * @throws ConfigurationError for an option that cannot work, and where the manager serves a monitor already.
 */
export function serveMonitor(manager: Manager, options: ServeMonitorOptions = {}): void {
  checkOptions(options, monitorRules, { of: 'serveMonitor' });
  const { runtime } = manager.lifetime;
  const started = runtime.now();
  const feed = new EventFeed(manager.events$, runtime);
  const authorize = options.authorize?.bind(options) ?? hostsOnly;

  const { streams$, transfers$ } = manager;
  const cluster$ = clusterFigures(manager);
  const routes$ = manager.routes$.pipe(map(mostCalled));
  const answers = {
    info: () => ({ host: manager.local, version, uptime: runtime.now() - started, time: runtime.wallNow() }),
    describe: () => describe(manager),
    // Each of them emits at once.
    snapshot: () =>
      firstValueFrom(
        combineLatest({
          info: [answers.info()],
          cluster: cluster$,
          routes: routes$,
          streams: streams$,
          transfers: transfers$,
        }),
      ),
  };
  const figures = {
    cluster: () => cluster$.pipe(conflate()),
    routes: () => routes$.pipe(conflate()),
    streams: () => streams$.pipe(conflate()),
    transfers: () => transfers$.pipe(conflate()),
    leaves: () => manager.leaves$.pipe(conflate(joinLeaves)),
    health: () => manager.health$.pipe(conflate()),
    events: () => feed.events(),
  };
  const guard = <T>(what: MonitorRequest['what'] | readonly MonitorRequest['what'][], make: () => T | Promise<T>) => {
    return async (_: unknown, { caller, callerKind }: Call<never>): Promise<T> => {
      for (const each of [what].flat()) await check(authorize, { caller, callerKind, what: each });
      return make();
    };
  };
  manager.handle(monitorRoutes.info, guard('info', answers.info));
  manager.handle(monitorRoutes.describe, guard('describe', answers.describe));
  manager.handle(monitorRoutes.snapshot, guard(snapshotParts, answers.snapshot));
  manager.handle(monitorRoutes.cluster, guard('cluster', figures.cluster));
  manager.handle(monitorRoutes.routes, guard('routes', figures.routes));
  manager.handle(monitorRoutes.streams, guard('streams', figures.streams));
  manager.handle(monitorRoutes.transfers, guard('transfers', figures.transfers));
  manager.handle(monitorRoutes.leaves, guard('leaves', figures.leaves));
  manager.handle(monitorRoutes.health, guard('health', figures.health));
  manager.handle(monitorRoutes.events, guard('events', figures.events));
  manager.handle(monitorRoutes.frames, async (request, call) => {
    await check(authorize, { caller: call.caller, callerKind: call.callerKind, what: 'frames' });
    checkRecording(options.frames ?? 'none', request);
    return recordedBatches(manager, request, call.signal);
  });
}

const snapshotParts = ['info', 'cluster', 'routes', 'streams', 'transfers'] as const;

const monitorRules: Readonly<Record<keyof ServeMonitorOptions, Rule>> = {
  authorize: aFunction('authorizes readers of the monitor'),
  frames: oneOf('none', 'headers', 'payloads'),
};

function checkRecording(allowed: 'none' | 'headers' | 'payloads', { payloads = false }: RecordFramesOptions): void {
  if (allowed === 'payloads' || (allowed === 'headers' && !payloads)) return;
  throw new PermissionDeniedError(
    allowed === 'none'
      ? "This host does not let its frames be recorded: serveMonitor's option frames allows it."
      : "This host lets frames be recorded without their payloads only: serveMonitor's option frames is 'headers'.",
  );
}

type Authorize = (request: MonitorRequest) => boolean | Promise<boolean>;

const hostsOnly: Authorize = ({ callerKind }) => callerKind === 'host';

async function check(authorize: Authorize, request: MonitorRequest): Promise<void> {
  // A truthy text, or a forgotten `await` within, must not admit a caller.
  const allowed: unknown = await authorize(request);
  if (allowed === true) return;
  throw new PermissionDeniedError(
    `${request.caller} may not monitor this host: serveMonitor's authorize refused ${request.what}.`,
  );
}

// The connections' figures change without an event. All readers share what is made of them.
function clusterFigures(manager: Manager): Observable<MonitoredCluster> {
  return combineLatest([manager.cluster$, manager.lifetime.seconds$.pipe(startWith(undefined))]).pipe(
    map(([{ local, hosts }]) => ({
      local,
      hosts: hosts.map((host) => ({ ...host, stats: statsOf(manager, host.host) })),
    })),
    share({ connector: () => new ReplaySubject(1) }),
  );
}

function statsOf(manager: Manager, host: string): ConnectionStats | undefined {
  let connection: Connection;
  try {
    connection = manager.connection(host);
  } catch {
    // The host has just left the cluster.
    return undefined;
  }
  let found: ConnectionStats | undefined = undefined;
  connection.stats$.pipe(take(1)).subscribe((stats) => (found = stats));
  return found;
}

// What came and left meanwhile is sent together.
function joinLeaves(kept: LeavesState, next: LeavesState): LeavesState {
  return {
    ...next,
    arrived: [...kept.arrived, ...next.arrived].slice(-maxListed),
    left: [...kept.left, ...next.left].slice(-maxListed),
  };
}

// What is sent has a bound: routes that are never called are the least informative.
function mostCalled(routes: readonly RouteFigures[]): readonly RouteFigures[] {
  if (routes.length <= maxListed) return routes;
  return [...routes].sort((left, right) => right.calls - left.calls).slice(0, maxListed);
}
