/**
 * What docs/guide/observing.md shows. `spec/examples/observing.spec.ts` runs it.
 */
import { filter, map, pairwise, type Observable } from 'rxjs';
import { connect, type Connection } from 'rxgrid';
import { asyncApi, monitor, monitorRoutes, quantileOf, serveMonitor, subtractDurations } from 'rxgrid/monitor';
import { Manager, type ManagerOptions } from 'rxgrid/node';

/** What a page shows of one host. */
export interface Figures {
  readonly route: string;
  readonly inFlight: number;
  readonly p99: number | undefined;
}

// #region local
/** The routes that this host serves, the slowest first: at once, and then every second. */
export function slowest(grid: Pick<Manager, 'routes$'>): Observable<readonly Figures[]> {
  return grid.routes$.pipe(
    map((routes) => routes.filter(({ side }) => side === 'handler')),
    map((routes) => routes.map(({ route, inFlight, p99 }) => ({ route, inFlight, p99 }))),
    map((routes) => [...routes].sort((left, right) => (right.p99 ?? 0) - (left.p99 ?? 0))),
  );
}
// #endregion

// #region stuck
/** Streams that have been waiting for credit for 10 s or longer: their consumers are stuck, or slow. */
export function stuckStreams(grid: Pick<Manager, 'streams$'>): Observable<readonly string[]> {
  return grid.streams$.pipe(
    map(({ streams }) => streams.filter(({ stalledFor = 0 }) => stalledFor >= 10_000)),
    map((streams) => streams.map(({ route, peer }) => `${route} to ${peer}`)),
  );
}
// #endregion

// #region serve
/** A host that can be observed, by hosts and by the leaf `dashboard`, which may also observe other hosts through it. */
export function observableHost(options: ManagerOptions): Manager {
  const mayLook = ({ caller, callerKind }: { caller: string; callerKind: string }): boolean =>
    callerKind === 'host' || caller === 'dashboard';
  const grid = new Manager({
    ...options,
    readyQuorum: 'majority',
    // Of other hosts, only the routes of the monitor.
    relay: { authorize: (call) => mayLook(call) && call.id === monitorRoutes.info.id },
  });
  serveMonitor(grid, { authorize: mayLook });
  return grid;
}
// #endregion

// #region recent
/** The 99th percentile of a route in ms, over the calls since the previous figures. */
export function recentP99(host: Connection, route: string): Observable<number | undefined> {
  return monitor(host).routes$.pipe(
    map((routes) => routes.find((each) => each.route === route && each.side === 'handler')?.durations),
    filter((durations) => durations !== undefined),
    pairwise(),
    map(([earlier, later]) => quantileOf(subtractDurations(later, earlier), 0.99)),
  );
}
// #endregion

// #region document
/** Describes what a host serves, for other tools: documentation, clients, gateways. */
export function documentOf(host: Connection): Observable<string> {
  return monitor(host).description$.pipe(map((description) => JSON.stringify(asyncApi(description), null, 2)));
}
// #endregion

// #region via
/** Observes a host that a browser cannot reach, through one that it can. */
export function lookAt(url: string, token: string, host: string): ReturnType<typeof monitor> {
  const entrance = connect(url, { token });
  return monitor(entrance.via(host));
}
// #endregion
