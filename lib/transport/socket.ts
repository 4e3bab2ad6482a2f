import type { Observable, Observer } from 'rxjs';
import type { ClosedCode } from '../rejection.js';
import type { RegionWriter } from '../mux/schedule/region-frame.js';
import type { WireMessage } from '../wire/batch.js';
import type { Slabs } from '../wire/slabs.js';

/**
 * The port to a transport: one open WebSocket, as an Observable of received and an Observer of sent messages. Two
 * Subjects make a socket, so a test can link two connections without a network.
 */
export interface Socket {
  /**
   * Binary messages as they come; text is not among them. Completes when the socket has closed, errors when it broke.
   * Hot: subscribe in the same turn in which the socket was handed over.
   */
  readonly inbound: Observable<Uint8Array>;
  /**
   * Takes messages to send. `complete` closes the socket politely; `error` destroys it at once, without a close frame.
   * After either, and after the end of `inbound`, messages are dropped.
   */
  readonly outbound: Observer<WireMessage>;
  /**
   * Closes the socket politely, as `outbound.complete` does, and sends the reason to the other side. Without it,
   * `complete` is used.
   */
  close?(code: ClosedCode, reason: string): void;
  /** Bytes that were sent and have not been handed to the network. */
  readonly bufferedBytes: number;
  /**
   * The memory that the sender writes its messages to. The socket owns it: it writes its header before a message, it
   * may mask the message in place, and the memory is reused once the socket has sent it. Default: memory that is used
   * once, because the other end may get the very same array.
   */
  readonly slabs?: Slabs | undefined;
  /**
   * Bytes that were read from the network, of messages that are not complete, too. Undefined where the platform does
   * not show it.
   */
  readonly readBytes?: number | undefined;
  /** Emits when {@link bufferedBytes} has fallen to a level at which sending may go on. */
  readonly drained: Observable<void>;
  /** How messages are read: `buffer`, from one buffer of the process; `ws`, by `ws` or the platform. */
  readonly readPath?: 'buffer' | 'ws';
  /**
   * Sets the size in bytes above which a received message closes the connection. Before the first call,
   * `maxMessageBytes` of the dial applies. `limit` names the option with this bound, for the error; default
   * `maxMessageBytes`.
   */
  limitMessages?(maxMessageBytes: number, limit?: string): void;
  /**
   * Stops reading until {@link resume}, so that the other side is slowed down. Messages already read are still emitted.
   */
  pause?(): void;
  /** Reads again after {@link pause}. */
  resume?(): void;
  /** Writes large messages in a better way than `outbound` does, where there is one. */
  readonly regionWriter?: SocketRegionWriter;
}

/** Writes large messages past a socket's own way. */
export interface SocketRegionWriter extends RegionWriter {
  /** Calls `then` once no message is half written. If that takes too long, the socket is destroyed instead. */
  whenWhole(then: () => void): void;
}

/** What a dial needs to know. */
export interface DialOptions {
  /** HTTP headers of the upgrade. A browser cannot send them: there they are dropped. */
  readonly headers: Readonly<Record<string, string>>;
  /** Size in bytes above which a received message closes the connection. */
  readonly maxMessageBytes: number;
}

/**
 * Opens a WebSocket to a `ws:` or `wss:` URL. Cold; emits the open socket once. Unsubscribing before that cancels the
 * attempt.
 */
export type Dial = (url: string, options: DialOptions) => Observable<Socket>;
