/**
 * The fixed bounds of the library, which no option changes. Those that a user may set are in `limits.ts`; a bound that
 * concerns the code of one file alone is at the head of that file. Sizes are in bytes, times in milliseconds.
 */

// Streams and connections

/**
 * A peer without extensions is not informed of the window: it uses the capacity in its own table. One that sends more
 * than this side declared is followed, up to so many times the initial window, and to its `maxBytes`.
 */
export const toleratedWindows = 3;
/** Size in bytes that the fragments of a received WebSocket message must have on average. */
export const meanFragmentBytes = 1 << 10;
/** Text messages, which are ignored, that one connection may receive. */
export const maxTextMessages = 1_000;
/** Buffers in which messages are assembled that the end of a read has cut. */
export const maxAssemblyBuffers = 16;
/** Bytes of memory of received messages that are kept for further ones. */
export const maxRecycledBytes = 8 << 20;
/** First time, in ms, between two dials of a host; each further one is twice as long, up to `redialInterval`. */
export const firstRedialInterval = 50;
/**
 * Longest time, in ms, that a leaf waits before it dials again after a loss: leaves of a host that restarts come one by
 * one.
 */
export const leafRedialSpread = 500;
/** Shortest time, in ms, between two attempts of a page that is hidden, after the first one. */
export const hiddenRedialInterval = 10_000;
/** How long, in ms, a host has to answer a ping of a leaf that has slept, or whose network is back. */
export const wakeProbeTimeout = 2_000;
/** How long, in ms, an older process under the name of a dialer has to show that it is still there. */
export const duplicateProbeTimeout = 1_000;
/** Longest wait, in ms, of a process whose name another one has, before it dials again. */
export const maxDuplicateWait = 60_000;
/** Leaves that have left whose closed connection `connection(identity)` still returns. */
export const maxGoneLeaves = 1_024;

// Drains and the end of a process

/** How often a host that drains checks whether its calls have ended, in ms. */
export const drainCheckInterval = 10;
/** How much longer than it said, in ms, a host that drains may keep its connection. */
export const drainSlack = 5_000;
/** Time that the calls of a host have to end which is not in the list of hosts any more, in ms. */
export const removedHostTimeout = 30_000;
/** Time, in ms, that the `onClosed` of `closeOnSignals` has to end. */
export const onClosedTimeout = 5_000;
/** Time, in ms, that the process has after `onClosed` to end by itself, before `closeOnSignals` ends it. */
export const exitGrace = 2_000;

// Files

/** Smallest and largest size of a region frame, which adapts, in bytes. */
export const minRegionFrameBytes = 64 << 10;
/** See {@link minRegionFrameBytes}. */
export const maxRegionFrameBytes = 1 << 20;
/**
 * Bytes of a file in one frame: a pipe of the receiver has 256 slots of a page, and some are taken by parts of pages.
 */
export const maxFilePartBytes = 960 << 10;
/** Pipes of a process that received bytes of files go through. */
export const maxReceivePipes = 32;
/** Bytes of each of {@link maxReceivePipes}. Linux allows a user 64 MiB in all pipes, and 1 MiB in one. */
export const receivePipeBytes = 1 << 20;
/** Buffers of the largest size of a region frame in use at once. Further transfers get small ones. */
export const maxLargeBuffers = 8;
/** Buffers of {@link maxLargeBuffers} that are kept while they are unused. */
export const maxKeptBuffers = 4;
/** Bytes of a file that the system reads into its page cache ahead of the bytes being sent, in kernel mode. */
export const readAheadBytes = 4 << 20;
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
/** Folders that a server of files walks through at once, for all peers together. */
export const maxServedWalks = 64;
/** Walks of {@link maxServedWalks} that one peer may have. */
export const maxServedWalksPerPeer = 16;
/** Requests of one peer that wait for their turn to open a file; further ones are refused. */
export const maxOpensWaiting = 4_096;
/** Hashes of files at once, in a process. */
export const maxHashesAtOnce = 4;
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
/** Files that a sender reads ahead of the credit, and that a receiver writes concurrently. */
export const maxOpenFiles = 32;
/** Pieces of a file that wait to be written at the receiver, and pieces of one write, at most. */
export const maxPiecesWaiting = 8;
/**
 * Reports of failed files that wait for a caller that does not read them; with more, the host takes no further input.
 */
export const maxFailuresWaiting = 256;

// Figures, the monitor and recordings

/** Routes that are counted one by one, at both sides together; further ones are counted as one. */
export const maxMeteredRoutes = 4_096;
/**
 * Codes of errors that a route counts one by one; further ones are counted as `other`. Codes may come from the other
 * side.
 */
export const maxErrorCodes = 32;
/**
 * Streams, transfers and leaves that are listed one by one for observers. The total numbers are reported beside them.
 */
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
/** Records of a recording that are read. */
export const maxRecordingRecords = 1_000_000;
/** Bytes of a payload up to which it is recorded; of a larger one only its size. */
export const maxRecordedPayload = 1 << 20;
/** Bytes of records that may wait for a slow reader of a recording; further records are counted as missing. */
export const maxRecordingQueue = 8 << 20;
/** Bytes of records in one item to a reader. */
export const maxRecordingBatch = 256 << 10;

// Lists of hosts

/** Bytes of a file that lists hosts. */
export const maxHostFileBytes = 1 << 20;
/** Time for one question to a name server, in ms; it is asked twice. */
export const dnsTimeout = 2_000;
/** Time for one request to etcd, in ms. */
export const etcdRequestTimeout = 2_000;
/**
 * First pause, in ms, after a source of hosts could not be read; each further one is twice as long, up to its interval.
 */
export const firstLookupRetry = 250;

// A local dashboard

/** Pages that a local dashboard connects at once. */
export const maxLocalPages = 16;
/** Bytes that may wait for one end of a tunnel before the other end is no longer read. */
export const maxTunnelBytes = 1 << 20;
/** Longest time, in ms, that an end of a tunnel may take nothing while {@link maxTunnelBytes} wait for it. */
export const tunnelStallTimeout = 30_000;
