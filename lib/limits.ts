import { checkOptions, either, maxTimerMs, oneOf, whole, wholeMs, type Rule } from './check.js';

/** All limits of the library that users can set. Sizes are in bytes, times in milliseconds, counts in items unless stated otherwise. */
export interface Limits {
  /** Maximum size of a received WebSocket message; a larger one closes the connection. Default 16 MiB. */
  readonly maxMessageBytes: number;
  /** Maximum number of frames in one WebSocket message; more close the connection. Default 65 536. */
  readonly maxMessageFrames: number;
  /** Maximum size of a WebSocket message received before the handshake is complete. Default 64 KiB. */
  readonly maxHandshakeBytes: number;
  /**
   * Maximum payload of a unary request or response, and of one stream item, sent or received. The receiver of a larger one
   * refuses the call, or ends it with an error. Default 4 MiB.
   */
  readonly maxUnaryBytes: number;
  /**
   * Memory of the frames that may wait in the send queue of one connection, each with about 600 bytes beside its payload:
   * a call or a response that would exceed it is refused. Frames that end or acknowledge a call are never refused: at four times as many bytes, beyond 256 KiB and
   * `maxUnaryBytes` that the socket may have, the other side counts as not reading, and the connection is given up. Default 16 MiB.
   */
  readonly maxSendQueueBytes: number;
  /** Maximum number of calls waiting for one connection; a further one fails with LimitError. Default 10 000. */
  readonly maxWaitingCalls: number;
  /** Maximum total payload of the calls waiting for one connection; a single call may always wait. Default 16 MiB. */
  readonly maxWaitingBytes: number;
  /** Muxes that may be open at once, in each direction; a call of the other side counts until its handler has ended, also after a reconnect. Default 131 072. */
  readonly maxOpenMuxes: number;
  /**
   * Bytes that one connection may hold of what the other side sent: payloads and metadata of calls whose handlers run, and
   * stream items that are not consumed. Beyond it new calls are refused, and streams get credit for one item at a time; at four times
   * as many bytes the stream that receives one more item ends. Default 128 MiB.
   */
  readonly maxReceiveBytes: number;
  /**
   * Calls of the other side that it may cancel, or end by a fault, per second, beyond `maxOpenMuxes` at once. More closes the
   * connection: each cancelled call has cost a start of its handler. Default 20 000.
   */
  readonly maxCancelsPerSecond: number;
  /** Time for the handshake after the WebSocket has opened. Default 5 s. */
  readonly handshakeTimeout: number;
  /**
   * Sockets whose handshake may be under way at once, of those that others dialed. When there are more, the oldest one that
   * has sent nothing, of the address that has the most, is closed for the next; where all have sent something, the next
   * is rejected. Beside them are as many hosts that carry a valid token in the header of the upgrade. `listen()` has the
   * same bound for TCP connections that have sent no request. Default 1 024.
   */
  readonly maxHandshakes: number;
  /** Time for one dial, until the WebSocket is open. Default 2 s. */
  readonly dialTimeout: number;
  /** Dials that may be under way at once, of all hosts in the process together; further ones wait for their turn. Default 64. */
  readonly maxDials: number;
  /** Timeout of a unary call that names none. Default 60 s. */
  readonly unaryTimeout: number;
  /** Interval of the connection's pings; a Pong older than two of them drops the connection. Default 10 s. */
  readonly connectionPingInterval: number;
  /** Interval of a stream's pings, sent by its caller. Default 15 s. */
  readonly streamPingInterval: number;
  /**
   * Time between the starts of two dials of a host that is down; a random share of `dialJitter` is added. The first
   * attempts come earlier: after 50, 100, 200 … ms, with their share of the jitter. Default 1 s.
   */
  readonly redialInterval: number;
  /** Longest wait of a leaf between two rounds of attempts to connect, which doubles from round to round. Default 30 s. */
  readonly maxRedialInterval: number;
  /** Upper bound of the random time that is added to `redialInterval`. Default 1 s. */
  readonly dialJitter: number;
  /** For the side that is dialed: how long calls wait after the start and after a loss. Default 2 s. */
  readonly dialedGrace: number;
  /** Items that an Observable may be ahead of the credit. Default 1 024. */
  readonly bufferItems: number;
  /** Bytes that an Observable may be ahead of the credit. Default 4 MiB. */
  readonly bufferBytes: number;
  /** Bytes of the metadata of one call, encoded, sent and received: a call with more fails. Default 8 KiB. */
  readonly maxMetaBytes: number;
  /**
   * Bytes of the data of one error, encoded: a handler that sends more fails with an undeclared error instead, and of an
   * error that is received, more is left out. Default 64 KiB.
   */
  readonly maxErrorDataBytes: number;
  /** Largest difference of the clocks that a handshake accepts. Default 5 minutes. */
  readonly maxClockSkew: number;
}

/** The defaults of {@link Limits}. */
export const defaultLimits: Limits = {
  maxMessageBytes: 16 << 20,
  maxMessageFrames: 65_536,
  maxHandshakeBytes: 64 << 10,
  maxUnaryBytes: 4 << 20,
  maxSendQueueBytes: 16 << 20,
  maxWaitingCalls: 10_000,
  maxWaitingBytes: 16 << 20,
  maxOpenMuxes: 131_072,
  maxReceiveBytes: 128 << 20,
  maxCancelsPerSecond: 20_000,
  handshakeTimeout: 5_000,
  maxHandshakes: 1_024,
  dialTimeout: 2_000,
  maxDials: 64,
  unaryTimeout: 60_000,
  connectionPingInterval: 10_000,
  streamPingInterval: 15_000,
  redialInterval: 1_000,
  maxRedialInterval: 30_000,
  dialJitter: 1_000,
  dialedGrace: 2_000,
  bufferItems: 1_024,
  bufferBytes: 4 << 20,
  maxMetaBytes: 8 << 10,
  maxErrorDataBytes: 64 << 10,
  maxClockSkew: 5 * 60_000,
};

// Lengths on the wire have 32 bits.
const bytes = whole(1, 0xffff_ffff, 'bytes');
const count = whole(1);
// These two are added up for one timer.
const maxHalfTimerMs = maxTimerMs >> 1;

const limitRules: Readonly<Record<keyof Limits, Rule>> = {
  maxMessageBytes: bytes,
  maxUnaryBytes: bytes,
  maxMessageFrames: count,
  maxHandshakeBytes: bytes,
  maxSendQueueBytes: bytes,
  maxWaitingCalls: count,
  maxWaitingBytes: bytes,
  maxOpenMuxes: count,
  maxReceiveBytes: bytes,
  maxCancelsPerSecond: count,
  handshakeTimeout: wholeMs(1),
  maxHandshakes: count,
  dialTimeout: wholeMs(1),
  maxDials: count,
  unaryTimeout: either(wholeMs(1), oneOf(Infinity)),
  connectionPingInterval: wholeMs(1),
  streamPingInterval: wholeMs(1),
  redialInterval: wholeMs(1, maxHalfTimerMs),
  maxRedialInterval: wholeMs(1, maxHalfTimerMs),
  dialJitter: wholeMs(0, maxHalfTimerMs),
  dialedGrace: wholeMs(0),
  bufferItems: count,
  bufferBytes: bytes,
  maxMetaBytes: bytes,
  maxErrorDataBytes: bytes,
  maxClockSkew: whole(0, Number.MAX_SAFE_INTEGER, 'ms'),
};

/**
 * Merges limits given by the user with the defaults.
 *
 * @throws ConfigurationError for an unknown name and an invalid value, including undefined.
 */
export function withDefaults(given: Partial<Limits> | undefined): Limits {
  if (given !== undefined) checkOptions(given, limitRules, { of: 'limits', refuseUndefined: true });
  return { ...defaultLimits, ...given };
}

/**
 * A credit window, in items: it grows from `initial` to `max` while the consumer keeps up, and holds no more items than
 * make up `maxBytes`.
 */
export interface CreditWindow {
  /** Items at the start. */
  readonly initial: number;
  /** Items at the most; equal to `initial` for a window that never grows. */
  readonly max: number;
  /**
   * Bytes of items that are on the way or not consumed: at so many the sender stops, so the last item may exceed it, and
   * one item may always be on the way. Default 8 MiB. Towards a peer without the extension `bytes` it is estimated from
   * the sizes of the items that came.
   */
  readonly maxBytes?: number;
}

/**
 * The window of a stream that names none, in each direction. 8 MiB fill 1 Gbit/s over 50 ms, with a quarter to spare for
 * credit that is on its way back.
 */
export const defaultWindow: Required<CreditWindow> = { initial: 16, max: 16_384, maxBytes: 8 << 20 };

/**
 * A peer without extensions is not informed of the window: it uses the capacity in its own table. One that sends more than this side
 * declared is followed, up to so many times the initial window, and to its `maxBytes`.
 */
export const toleratedWindows = 3;

/** First time, in ms, between two dials of a host; each further one is twice as long, up to `redialInterval`. */
export const firstRedial = 50;
/** Longest time, in ms, that a leaf waits before it dials again after a loss: leaves of a host that restarts come one by one. */
export const leafSpread = 500;
/** Shortest time, in ms, between two attempts of a page that is hidden, after the first one. */
export const hiddenRedial = 10_000;
/** How long, in ms, a host has to answer a ping of a leaf that has slept, or whose network is back. */
export const wakeProbe = 2_000;
/** How long, in ms, an older process under the name of a dialer has to show that it is still there. */
export const duplicateProbe = 1_000;
/** Longest wait, in ms, of a process whose name another one has, before it dials again. */
export const maxDuplicateWait = 60_000;
/** Leaves that have left and whose connection, which is closed, can still be asked for. */
export const maxGoneLeaves = 1_024;

/** Size in bytes that the fragments of a received WebSocket message must have on average. */
export const meanFragmentBytes = 1 << 10;
/** Text messages, which are ignored, that one connection may receive. */
export const maxTextMessages = 1_000;
/** Smallest and largest size of a region frame, which adapts, in bytes. */
export const minRegionFrameBytes = 64 << 10;
/** See {@link minRegionFrameBytes}. */
export const maxRegionFrameBytes = 1 << 20;
/** Bytes of a path in UTF-8 that a peer may name: the limit of Linux. */
export const maxPathBytes = 4 << 10;
/** Levels of such a path. */
export const maxPathLevels = 128;
/** Symbolic links that are followed for one path. More are taken for a loop. */
export const maxLinksFollowed = 40;
/** Bytes of the largest file that is sent and received as a whole. */
export const maxSmallFileBytes = 64 << 10;
/** Small files in one pack, at most. */
export const maxPackedFiles = 64;
/** Files that a server of files has open at once, for all peers together; further ones wait for their turn. */
export const maxServedFiles = 256;
/** Files of {@link maxServedFiles} that one peer may have open. */
export const maxServedFilesPerPeer = 64;
/** Folders that a server of files walks through at once, for all peers together. */
export const maxServedWalks = 64;
/** Walks of {@link maxServedWalks} that one peer may have. */
export const maxServedWalksPerPeer = 16;
/** Requests of one peer that wait for their turn to open a file; further ones are refused. */
export const maxOpensWaiting = 4_096;
/** Hashes of files at once, in a process. */
export const maxHashesAtOnce = 4;
/** Time without bytes, in ms, after which a server gives up a file that a peer writes. */
export const uploadIdleTimeout = 60_000;
/** Age, in ms, at which a temporary file is removed, because no transfer has continued it. */
export const temporaryFileAge = 24 * 60 * 60_000;
/** Pause, in ms, between two sweeps for temporary files in a folder that is served for writing. */
export const temporarySweepInterval = 60 * 60_000;
/** Subfolders of one folder that a walk remembers before it enters them, and names that are read at once. */
export const maxFolderNames = 1_024;
/** Nested folders that a walk holds open: those with more than {@link maxFolderNames} subfolders. */
export const maxOpenFolders = 16;
/** Entries of a listing in one item. */
export const maxListedEntries = 64;
/** Entries that a caller takes of one listing: a hostile host could list without end. */
export const maxListingEntries = 10_000_000;
/** Files that a sender reads ahead of the credit, and that a receiver writes concurrently. */
export const maxOpenFiles = 32;
/** Pieces of a file that wait to be written at the receiver, and pieces of one write, at most. */
export const maxPiecesWaiting = 8;
/** Reports of failed files that wait for a caller that does not read them; with more, the host takes no further input. */
export const maxFailuresWaiting = 256;
/** Buffers of the largest size of a region frame in use at once. Further transfers get small ones. */
export const maxLargeBuffers = 8;
/** Buffers of {@link maxLargeBuffers} that are kept while they are unused. */
export const maxKeptBuffers = 4;
/** Buffers in which messages are assembled that the end of a read has cut. */
export const maxAssemblyBuffers = 16;
/** Bytes of memory of received messages that are kept for further ones. */
export const maxRecycledBytes = 8 << 20;
/** Bytes of a file that the system reads into its page cache ahead of the bytes being sent, in kernel mode. */
export const readAheadBytes = 4 << 20;
/** Routes that are counted one by one, at both sides together; further ones are counted as one. */
export const maxMeteredRoutes = 4_096;
/** Codes of errors that a route counts one by one; further ones are counted as `other`. Codes may come from the other side. */
export const maxErrorCodes = 32;
/** Streams, transfers and leaves that are listed one by one for observers. The total numbers are reported beside them. */
export const maxListed = 1_000;
/** How often figures are refreshed while they are observed, in ms. */
export const figuresInterval = 1_000;
/** How far the percentiles of observed routes look back, in ms. */
export const percentileWindow = 60_000;
/** Events that a monitor keeps for later subscribers, and that may wait for a slow reader. */
export const maxMonitorEvents = 256;
/** Characters of a text in such an event. */
export const maxMonitorEventText = 500;
/** Bytes of JSON Schemas in the description of a host; what is beyond is left out. */
export const maxSchemaBytes = 1 << 20;
/** Hosts in a list of a ready-made source (DNS, etcd, a file), where its option `maxHosts` says nothing else. */
export const maxSourceHosts = 256;
/** Bytes of a file that lists hosts. */
export const maxHostFileBytes = 1 << 20;
/** Time for one question to a name server, in ms; it is asked twice. */
export const dnsTimeout = 2_000;
/** Time for one request to etcd, in ms. */
export const etcdRequestTimeout = 2_000;
/** First pause, in ms, after a source of hosts could not be read; each further one is twice as long, up to its interval. */
export const firstLookupRetry = 250;
/** How much longer than it said, in ms, a host that drains may keep its connection. */
export const drainSlack = 5_000;
/** How often a host that drains checks whether its calls have ended, in ms. */
export const drainInterval = 10;
/** Default time of a drain, in ms. Kubernetes kills a pod 30 s after it asked it to end. */
export const defaultDrainTimeout = 20_000;
/** Time that the calls of a host have to end which is not in the list of hosts any more, in ms. */
export const removedHostTimeout = 30_000;
/** Times, in ms, that the `onClosed` of `closeOnSignals` has to end, and after it the process, by itself. */
export const [onClosedTimeout, exitGrace] = [5_000, 2_000];
/** Keys that may have an item waiting in `conflate({ key })`, where its option `maxKeys` says nothing else. */
export const defaultConflatedKeys = 10_000;
