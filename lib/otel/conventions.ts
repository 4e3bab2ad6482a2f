/*
 * Names of the semantic conventions for RPC, stable since version 1.45. They are written here, because the package of
 * the conventions would be a dependency for a few texts; a spec compares those that the package has.
 */

/** Value of `rpc.system.name`. */
export const system = 'rxgrid';

/** Attributes of spans and metrics. */
export const attributeNames = {
  system: 'rpc.system.name',
  /** The route, with its subroute. */
  method: 'rpc.method',
  /** `ok`, or the code of the error. */
  statusCode: 'rpc.response.status_code',
  errorType: 'error.type',
  serverAddress: 'server.address',
  serverPort: 'server.port',
} as const;

/** Metrics of the conventions, and of this library. */
export const metricNames = {
  clientDuration: 'rpc.client.call.duration',
  serverDuration: 'rpc.server.call.duration',
  connections: 'rxgrid.connections',
  queue: 'rxgrid.send_queue.size',
  stalls: 'rxgrid.credit.stalls',
  calls: 'rxgrid.calls.open',
} as const;

/** Boundaries of the buckets of durations, in seconds. */
export const durationBoundaries: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
