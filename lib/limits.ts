import { checkOptions, either, maxTimerMs, oneOf, whole, wholeMs, type Rule } from './check.js';

/**
 * The limits that the option `limits` of `Manager` and `connect` sets. Bounds that no option changes are in
 * `bounds.ts`. Sizes are in bytes, times in milliseconds, counts in items unless stated otherwise.
 */
export interface Limits {
  /** Maximum size of a received WebSocket message; a larger one closes the connection. Default 16 MiB. */
  readonly maxMessageBytes: number;
  /** Maximum number of frames in one WebSocket message; more close the connection. Default 65 536. */
  readonly maxMessageFrames: number;
  /** Maximum size of a WebSocket message received before the handshake is complete. Default 64 KiB. */
  readonly maxHandshakeBytes: number;
  /**
   * Maximum payload of a unary request or response, and of one stream item, sent or received. The receiver of a larger
   * one refuses the call, or ends it with an error. Default 4 MiB.
   */
  readonly maxUnaryBytes: number;
  /**
   * Memory of the frames that may wait in the send queue of one connection, each counted with about 600 bytes beside
   * its payload: a call or a response that would exceed it is refused. Frames that end or acknowledge a call are never
   * refused. Where they make the queue four times as large (the 256 KiB and `maxUnaryBytes` that the socket may hold do
   * not count), the other side counts as not reading, and the connection is given up. Default 16 MiB.
   */
  readonly maxSendQueueBytes: number;
  /** Maximum number of calls waiting for one connection; a further one fails with LimitError. Default 10 000. */
  readonly maxWaitingCalls: number;
  /** Maximum total payload of the calls waiting for one connection; a single call may always wait. Default 16 MiB. */
  readonly maxWaitingBytes: number;
  /**
   * Muxes that may be open at once, in each direction; a call of the other side counts until its handler has ended,
   * also after a reconnect. Default 131 072.
   */
  readonly maxOpenMuxes: number;
  /**
   * Bytes that one connection may hold of what the other side sent: payloads and metadata of calls whose handlers run,
   * and stream items that are not consumed. Beyond it new calls are refused, and streams get credit for one item at a
   * time; at four times as many bytes the stream that receives one more item ends. Default 128 MiB.
   */
  readonly maxReceiveBytes: number;
  /**
   * Calls of the other side that it may cancel, or end by a fault, per second, beyond `maxOpenMuxes` at once. More
   * closes the connection: each cancelled call has cost a start of its handler. Default 20 000.
   */
  readonly maxCancelsPerSecond: number;
  /** Time for the handshake after the WebSocket has opened. Default 5 s. */
  readonly handshakeTimeout: number;
  /**
   * Sockets whose handshake may be under way at once, of those that others dialed. When there are more, the oldest one
   * that has sent nothing, of the address that has the most, is closed for the next; where all have sent something, the
   * next is rejected. Beside them are as many hosts that carry a valid token in the header of the upgrade. `listen()`
   * has the same bound for TCP connections that have sent no request. Default 1 024.
   */
  readonly maxHandshakes: number;
  /** Time for one dial, until the WebSocket is open. Default 2 s. */
  readonly dialTimeout: number;
  /**
   * Dials that may be under way at once, of all hosts in the process together; further ones wait for their turn.
   * Default 64.
   */
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
  /**
   * Longest wait of a leaf between two rounds of attempts to connect, which doubles from round to round. Default 30 s.
   */
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
   * Bytes of the data of one error, encoded: a handler that sends more fails with an undeclared error instead, and of
   * an error that is received, more is left out. Default 64 KiB.
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
   * Bytes of items that are on the way or not consumed: at so many the sender stops, so the last item may exceed it,
   * and one item may always be on the way. Default 8 MiB. Towards a peer without the extension `bytes` it is estimated
   * from the sizes of the items that came.
   */
  readonly maxBytes?: number;
}

/**
 * The window of a stream that names none, in each direction. 8 MiB fill 1 Gbit/s over 50 ms, with a quarter to spare
 * for credit that is on its way back.
 */
export const defaultWindow: Required<CreditWindow> = { initial: 16, max: 16_384, maxBytes: 8 << 20 };

// Defaults of bounds that other options set.

/**
 * Default of `maxOpenFiles` of `serveFiles`: files that are open at once, for all peers together; further ones wait.
 */
export const maxServedFiles = 256;
/** Default of `maxOpenFilesPerPeer` of `serveFiles`: those of {@link maxServedFiles} that one peer may have open. */
export const maxServedFilesPerPeer = 64;
/**
 * Default of `uploadIdleTimeout` of `serveFiles`: time without bytes, in ms, after which a file that a peer writes is
 * given up.
 */
export const uploadIdleTimeout = 60_000;
/**
 * Default of `maxEntries` of `listFiles`: entries that a caller takes of one listing. A hostile host could list without
 * end.
 */
export const maxListingEntries = 10_000_000;
/** Default of `maxBytes` of a reader of recordings. */
export const maxRecordingBytes = 256 << 20;
/** Default of `maxHosts` of a source of hosts (DNS, etcd, a file). */
export const maxSourceHosts = 256;
/** Default of `timeout` of a drain, in ms. Kubernetes kills a pod 30 s after it has asked it to end. */
export const defaultDrainTimeout = 20_000;
/** Default of `maxKeys` of `conflate({ key })`: keys that may have an item waiting. */
export const defaultConflatedKeys = 10_000;
