import { catchError, map, throwError, type Observable } from 'rxjs';
import type { Connection } from '../contract/connection.js';
import type { Health } from '../endpoint/health.js';
import type { LeavesState } from '../endpoint/leaves/leaf-list.js';
import { RefusedError } from '../errors.js';
import type { RouteFigures, StreamList, TransferList } from '../metrics/figures.js';
import type { GridDescription } from './description.js';
import type { HostInfo, MonitoredCluster, MonitorEvents, MonitorSnapshot } from './messages.js';
import { monitorRoutes } from './monitor-routes.js';
import type { RecordFramesOptions } from './record-frames.js';

/**
 * What another host reports about itself. Every Observable is cold: a subscription is one call to the host, and ends
 * there with the unsubscription. Figures are conflated at the host, so a slow subscriber gets the newest ones and costs
 * the host one pending update. All texts are printable; they are not HTML.
 *
 * They error as calls do: with DisconnectedError when the connection is lost, after which `retryOnDisconnect()`
 * subscribes again; with RefusedError where the host serves no monitor, and PermissionDeniedError where it does not
 * allow this one.
 */
export interface Monitor {
  /** Name, version, uptime and clock of the host: one item. */
  readonly info$: Observable<HostInfo>;
  /** The routes that it serves, with their kinds, windows and JSON Schemas: one item. */
  readonly description$: Observable<GridDescription>;
  /**
   * All figures at once: info, cluster, routes, streams and transfers: one item. Costs a host less than the others
   * where many hosts are polled one after another. The host must allow each of the five.
   */
  readonly snapshot$: Observable<MonitorSnapshot>;
  /**
   * Its connections to the other hosts, with their figures: when one changes, and every second. The host itself is not
   * in the list: its name is `local`.
   */
  readonly cluster$: Observable<MonitoredCluster>;
  /**
   * Counts, errors and durations by route and side, every second; of more than 1 000 routes, those that are called
   * most.
   */
  readonly routes$: Observable<readonly RouteFigures[]>;
  /** Its open streams, every second. */
  readonly streams$: Observable<StreamList>;
  /** The files that are on their way to and from it, every second. */
  readonly transfers$: Observable<TransferList>;
  /** Its leaves, when one comes or leaves. */
  readonly leaves$: Observable<LeavesState>;
  /** Whether it can be sent calls, when that changes. */
  readonly health$: Observable<Health>;
  /** Its events, in batches: first the newest 256 from before, then the others as they come. */
  readonly events$: Observable<MonitorEvents>;
  /**
   * What goes over its connections from the subscription on, as the lines of a recording: each item is one or more of
   * them. The host must allow it: option `frames` of `serveMonitor`. To a reader that is too slow it says how many
   * records are missing.
   */
  frames(options?: RecordFramesOptions): Observable<string>;
}

/**
 * Monitors the host at the other end of a connection, or the one that a `via` connection leads to. The host must call
 * `serveMonitor`.
 */
export function monitor(connection: Connection): Monitor {
  const { host } = connection;
  const reported = <T>(source: Observable<T>): Observable<T> =>
    source.pipe(catchError((error: unknown) => throwError(() => explained(host, error))));
  return {
    info$: reported(connection.request(monitorRoutes.info, undefined)),
    description$: reported(connection.request(monitorRoutes.describe, undefined)),
    snapshot$: reported(connection.request(monitorRoutes.snapshot, undefined)),
    cluster$: reported(connection.stream(monitorRoutes.cluster, undefined)),
    routes$: reported(connection.stream(monitorRoutes.routes, undefined)),
    streams$: reported(connection.stream(monitorRoutes.streams, undefined)),
    transfers$: reported(connection.stream(monitorRoutes.transfers, undefined)),
    leaves$: reported(connection.stream(monitorRoutes.leaves, undefined)),
    health$: reported(connection.stream(monitorRoutes.health, undefined)),
    events$: reported(connection.stream(monitorRoutes.events, undefined)),
    frames: (options = {}) =>
      reported(connection.stream(monitorRoutes.frames, options)).pipe(map(({ lines }) => lines)),
  };
}

// Leaves may be refused routes; a reference peer, and a host of an older version, send no codes.
function explained(host: string, error: unknown): unknown {
  if (!(error instanceof RefusedError)) return error;
  const { reason, code, retryable, data } = error;
  if (code !== 'unimplemented' && code !== 'permission-denied' && code !== 'refused') return error;
  return new RefusedError(
    `${host} serves no monitor to this side: call serveMonitor(manager, …) there, and name monitorRoutes in leaves.routes if it has that option; a host that passes the call on needs the option relay. (${reason})`,
    reason,
    { code, retryable, data },
  );
}
