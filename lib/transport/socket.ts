import type { Observable, Observer } from 'rxjs';
import type { RegionWriter } from '../mux/region-frame.js';
import type { WireMessage } from '../wire/batch.js';

/**
 * The port to a transport: one open WebSocket, as a pair of WebSocket messages in and out. Two Subjects make one, and so
 * a test links two connections without a network.
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
  /** Bytes that were taken and are not yet with the network. */
  readonly bufferedBytes: number;
  /**
   * Of the bytes of all messages that were sent, the newest so many are still referred to; more may be told, never less.
   * The sender writes the next messages into the memory of the others. 0 where every message is copied at once; undefined,
   * the default, where the other end may get the very array.
   */
  readonly heldBytes?: number | undefined;
  /** Emits when {@link bufferedBytes} has fallen to a level at which sending may go on. */
  readonly drained: Observable<void>;
  /** How messages are read: `buffer`, from one buffer of the process; `ws`, by `ws` or the platform. */
  readonly readPath?: 'buffer' | 'ws';
  /**
   * A larger message closes the connection from now on. Before it is called, `maxMessageBytes` of the dial holds. Bytes.
   * `limit` names the option that holds the bound, for the error; default `maxMessageBytes`.
   */
  limitMessages?(maxMessageBytes: number, limit?: string): void;
  /** Reads no more until {@link resume}, but what has been read already: the other side is held up. */
  pause?(): void;
  /** Reads again after {@link pause}. */
  resume?(): void;
  /** Writes large messages in a better way than `outbound` does, where there is one. */
  readonly regionWriter?: SocketRegionWriter;
}

/** Writes large messages past a socket's own way. */
export interface SocketRegionWriter extends RegionWriter {
  /** Calls `then` when no message is half written: now, or soon. Where that takes too long, the socket is destroyed instead. */
  whenWhole(then: () => void): void;
}

/** What a dial needs to know. */
export interface DialOptions {
  /** HTTP headers of the upgrade. A browser cannot send them: there they are dropped. */
  readonly headers: Readonly<Record<string, string>>;
  /** A larger message closes the connection. Bytes. */
  readonly maxMessageBytes: number;
}

/** Opens a WebSocket to a `ws:` or `wss:` URL. Cold; emits the open socket once. Unsubscribing before that gives up. */
export type Dial = (url: string, options: DialOptions) => Observable<Socket>;
