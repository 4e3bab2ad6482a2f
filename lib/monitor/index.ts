/**
 * Observe a host of the mesh from another one, or from a leaf: its routes with their JSON Schemas, its connections,
 * figures, streams, transfers, leaves, health and events.
 *
 * @packageDocumentation
 */

export { asyncApi, type AsyncApiDocument, type AsyncApiOptions } from './async-api.js';
export { monitor, type Monitor } from './client.js';
export { describe } from './describe.js';
export type {
  GridDescription,
  JsonSchema,
  PayloadDescription,
  RouteDescription,
  WindowDescription,
} from './description.js';
export type {
  HostInfo,
  MonitoredCluster,
  MonitoredHost,
  MonitorEvent,
  MonitorEvents,
  MonitorSnapshot,
} from './messages.js';
export { monitorRoutes } from './monitor-routes.js';
export { recordFrames, recordingEnd, type RecordFramesOptions } from './record-frames.js';
export { serveMonitor, type MonitorRequest, type ServeMonitorOptions } from './serve-monitor.js';
export { addDurations, bucketBounds, quantileOf, subtractDurations, type Durations } from '../metrics/log-histogram.js';
