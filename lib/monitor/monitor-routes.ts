import { duplex, unary } from '../contract/contract.js';
import { reservedIds } from '../contract/reserved-ids.js';
import { readDescription } from './description.js';
import {
  readCluster,
  readEvents,
  readFramesRequest,
  readHealth,
  readInfo,
  readLines,
  readLeaves,
  readRoutes,
  readSnapshot,
  readStreams,
  readTransfers,
} from './messages.js';
import { monitorCodec, noRequest, type Read } from './reader.js';

/** The id of all routes of the monitor: contracts of users cannot have it. */
const reserved = { id: reservedIds.control } as const;

const common = { name: 'monitor', request: noRequest, idempotent: true } as const;

// A slow reader has one item on its way; what comes meanwhile is conflated at the source.
const figures = <T>(subroute: string, read: Read<T>) => ({
  ...duplex({ ...common, subroute, output: monitorCodec(read), outCapacity: 1 }),
  ...reserved,
});
const answer = <T>(subroute: string, read: Read<T>) => ({
  ...unary({ ...common, subroute, response: monitorCodec(read) }),
  ...reserved,
});

/**
 * The contracts of the monitor, which `serveMonitor` answers. A host that names the routes of its leaves lists the ones
 * that they may call: `leaves: { routes: [...Object.values(monitorRoutes)] }`.
 */
export const monitorRoutes = {
  /** Name, version, uptime and clock. */
  info: answer('info', readInfo),
  /** Its routes. */
  describe: answer('describe', readDescription),
  /** What `info`, `cluster`, `routes`, `streams` and `transfers` report at this moment. */
  snapshot: answer('snapshot', readSnapshot),
  /** Its connections, when one changes and every second. */
  cluster: figures('cluster', readCluster),
  /** Counts and durations by route, every second. */
  routes: figures('routes', readRoutes),
  /** Open streams, every second. */
  streams: figures('streams', readStreams),
  /** Files on their way, every second. */
  transfers: figures('transfers', readTransfers),
  /** Leaves, when one comes or leaves. */
  leaves: figures('leaves', readLeaves),
  /** Health, when it changes. */
  health: figures('health', readHealth),
  /** Events, first those that were kept. */
  events: figures('events', readEvents),
  /** The frames on its connections, as the lines of a recording. */
  frames: {
    ...duplex({
      ...common,
      subroute: 'frames',
      request: monitorCodec(readFramesRequest),
      output: monitorCodec(readLines),
      outCapacity: 4,
    }),
    ...reserved,
  },
} as const;
