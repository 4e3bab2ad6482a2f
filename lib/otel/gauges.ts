import type { BatchObservableCallback, Meter } from '@opentelemetry/api';
import { take } from 'rxjs';
import type { ConnectionStats } from '../connection/figures.js';
import type { Manager } from '../endpoint/manager.js';
import type { ClusterState } from '../endpoint/peers/cluster-state.js';
import { attributeNames, metricNames } from './conventions.js';

/** Name of the other host, in the attributes of the gauges. */
const peer = 'rxgrid.peer';
/** State of a connection. */
const state = 'rxgrid.connection.state';

/** Observes the connections and streams of a manager whenever metrics are collected, until the manager is closed. */
export function observeManager(manager: Manager, meter: Meter): void {
  const connections = meter.createObservableUpDownCounter(metricNames.connections, {
    description: 'Connections to other hosts, by their state.',
    unit: '{connection}',
  });
  const queue = meter.createObservableUpDownCounter(metricNames.queue, {
    description: 'Bytes that wait to be sent on a connection.',
    unit: 'By',
  });
  const stalls = meter.createObservableCounter(metricNames.stalls, {
    description: 'Times that a stream had an item to send and no credit.',
    unit: '{stall}',
  });
  const calls = meter.createObservableUpDownCounter(metricNames.calls, {
    description: 'Calls that are open on a connection, in both directions.',
    unit: '{call}',
  });
  const observables = [connections, queue, stalls, calls];
  const local = { [attributeNames.serverAddress]: manager.local };
  const collect: BatchObservableCallback = (result) => {
    let cluster: ClusterState | undefined;
    manager.cluster$.pipe(take(1)).subscribe((now) => (cluster = now));
    const byState = new Map<string, number>();
    for (const { host, status } of cluster?.hosts ?? []) {
      byState.set(status, (byState.get(status) ?? 0) + 1);
      const stats = statsOf(manager, host);
      if (stats === undefined) continue;
      const attributes = { ...local, [peer]: host };
      result.observe(queue, stats.queuedBytes, attributes);
      result.observe(stalls, stats.creditStalls, attributes);
      result.observe(calls, stats.openOut + stats.openIn, attributes);
    }
    for (const [status, count] of byState) result.observe(connections, count, { ...local, [state]: status });
  };
  meter.addBatchObservableCallback(collect, observables);
  manager.events$.subscribe({
    complete: () => {
      meter.removeBatchObservableCallback(collect, observables);
    },
  });
}

function statsOf(manager: Manager, host: string): ConnectionStats | undefined {
  let found: ConnectionStats | undefined;
  try {
    manager
      .connection(host)
      .stats$.pipe(take(1))
      .subscribe((stats) => (found = stats));
  } catch {
    // It has left the cluster in this moment.
  }
  return found;
}
