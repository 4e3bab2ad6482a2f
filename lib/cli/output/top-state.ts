import type { RouteFigures, StreamList } from '../../metrics/figures.js';
import { monitorRoutes, type HostInfo, type MonitoredCluster } from '../../monitor/index.js';

/** The figures that `top` shows. */
export interface TopState {
  readonly info: HostInfo;
  readonly cluster: MonitoredCluster;
  readonly routes: readonly RouteFigures[];
  readonly streams: StreamList;
}

const monitorNames = new Set(Object.values(monitorRoutes).map(({ name, subroute }) => `${name}/${subroute}`));

/**
 * What people look at: without the routes of the monitor, and the streams of them. Those of the command itself are
 * among them, and seem to be stalled, because each waits for its next second.
 */
export function withoutMonitor(state: TopState): TopState {
  const { routes, streams } = state;
  // A route of a user may have the same name.
  const isOwn = ({ internal, route, side }: Pick<RouteFigures, 'internal' | 'route' | 'side'>): boolean =>
    internal === true && side === 'handler' && monitorNames.has(route);
  const own = streams.streams.filter(isOwn);
  const stalled = own.filter(({ stalledFor }) => stalledFor !== undefined).length;
  return {
    ...state,
    routes: routes.filter((each) => !isOwn(each)),
    streams: {
      open: streams.open - own.length,
      stalled: streams.stalled - stalled,
      streams: streams.streams.filter((each) => !isOwn(each)),
    },
  };
}
