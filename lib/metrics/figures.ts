import type { Durations } from './log-histogram.js';
import type { DirectionCredit, StreamCounts } from './open-streams.js';
import type { Side } from './route-meter.js';

/** The figures of one route at one side. Counts only grow, as long as the process runs; `inFlight` is as it is now. */
export interface RouteFigures extends StreamCounts {
  /** Name of the route, with its subroute. */
  readonly route: string;
  readonly kind: 'unary' | 'duplex';
  /** True for a route of the library itself, such as those of the monitor; absent for those of users. */
  readonly internal?: true;
  /** `caller`: calls that this process makes. `handler`: calls that its handler serves. */
  readonly side: Side;
  /** Calls that began. Each of them is in flight, cancelled, failed or answered. */
  readonly calls: number;
  /** Calls that have not ended. */
  readonly inFlight: number;
  /** Calls that their caller gave up. */
  readonly cancelled: number;
  /** Calls that failed, by the code of the error. */
  readonly errors: Readonly<Record<string, number>>;
  /** How long calls took that were not cancelled: from the call to its end, for streams too. */
  readonly durations: Durations;
  /**
   * Percentiles of the durations, in ms, of the calls that ended in the last minute, as far back as there has been an
   * observer of the figures; in the first figures of an observer, of all calls. Undefined where no call has ended.
   */
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
}

/** One open stream, at this side. */
export interface StreamFigures extends StreamCounts {
  /** Distinguishes it from the other streams of the process. */
  readonly id: string;
  readonly route: string;
  /** As in {@link RouteFigures}. */
  readonly internal?: true;
  readonly side: Side;
  /** Name of the host, or identity of the leaf, at the other end. */
  readonly peer: string;
  /** How long it has been open, in ms. */
  readonly age: number;
  /** How long it has been waiting for credit, in ms; undefined where it does not wait. */
  readonly stalledFor: number | undefined;
  /** Undefined where this side sends no more items. */
  readonly sending: DirectionCredit | undefined;
  /** Undefined where this side receives no more items. */
  readonly receiving: DirectionCredit | undefined;
}

/** The open streams of a process. */
export interface StreamList {
  /** All that are open. */
  readonly open: number;
  /** Of these, the ones that wait for credit. */
  readonly stalled: number;
  /** The streams, at most 1 000: first those that have waited longest for credit, then the oldest. */
  readonly streams: readonly StreamFigures[];
}

/** A file that is on its way. */
export interface TransferFigures {
  /** Distinguishes it from the other transfers of the process. */
  readonly id: number;
  /** Whether this process sends the file or receives it. */
  readonly direction: 'send' | 'receive';
  /** Path of the file, as the sender names it. */
  readonly path: string;
  readonly route: string;
  /** Name of the host, or identity of the leaf, at the other end. */
  readonly peer: string;
  /** Bytes that were moved, and that will be moved in all. */
  readonly moved: number;
  readonly total: number;
  /** Bytes per second since the last figures; in the first ones, since the beginning. */
  readonly rate: number;
  /** How it is sent: `kernel` by the kernel's sendfile, and so on; undefined where this side does not know. */
  readonly mode: string | undefined;
  /** How long it has been on its way, in ms. */
  readonly age: number;
}

/** The files that are on their way. */
export interface TransferList {
  /** All of them. */
  readonly open: number;
  /** The transfers, at most 1 000, the oldest first. */
  readonly transfers: readonly TransferFigures[];
}
