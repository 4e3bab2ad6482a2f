import { ProtocolError } from '../errors.js';
import { maxTextMessages, meanFragmentBytes } from '../bounds.js';
import type { WireMessage } from '../wire/batch.js';
import { BrowserSocket } from './browser-socket.js';
import { FrameWriter, type MaskFrame, type RawSocket } from './frame-writer.js';
import { drainedBytes, PlatformSocket, type PlatformWebSocket } from './platform-socket.js';
import type { Socket, SocketRegionWriter } from './socket.js';

/** The part of `ws` that the WebSocket of the platform does not have. */
export interface NodeWebSocket {
  on(event: 'message', listener: (data: Uint8Array, isBinary: boolean) => void): void;
  on(
    event: 'unexpected-response',
    listener: (request: unknown, response: { readonly statusCode: number; readonly statusMessage: string }) => void,
  ): void;
  on(event: 'upgrade', listener: (response: { readonly socket: RawEmitter }) => void): void;
  send(data: Uint8Array, options: { binary: boolean; fin: boolean }, written: (error?: Error) => void): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  /** The frame parser; not part of its types. Other implementations of the same interface have none. */
  readonly _receiver?: { _maxPayload: number; _maxFragments: number };
}

/** The socket under a WebSocket of `ws`. Another runtime's may lack the count. */
export interface RawEmitter extends RawSocket {
  readonly bytesRead?: number;
  on(event: 'drain', listener: () => void): void;
}

/** True for a WebSocket of `ws`, as opposed to one of the platform. */
export function isNodeWebSocket(socket: unknown): socket is NodeWebSocket {
  return typeof (socket as Partial<NodeWebSocket>).on === 'function';
}

/** What a {@link ReadPath} needs. */
export interface ReadPathOptions {
  /** True on the side that accepted the connection. */
  readonly masked: boolean;
  /** A larger message closes the connection. Bytes. */
  readonly maxMessageBytes: number;
  /** Takes one binary message. */
  readonly message: (message: Uint8Array) => void;
  /** A message exceeds `maxMessageBytes`; `ws` closes the connection. */
  readonly tooLarge: () => void;
}

/**
 * Reads messages from the socket `raw` under a WebSocket of `ws`. Undefined where that is impossible: `ws` then reads
 * as usual.
 */
export type ReadPath = (
  raw: unknown,
  options: ReadPathOptions,
) => { stop(): void; limit(maxMessageBytes: number): void } | undefined;

/** What Node adds to an accepted WebSocket of `ws`. */
export interface Acceptance {
  readonly regionWriter?: SocketRegionWriter;
  readonly readPath?: ReadPath;
  /** A larger message closes the connection. Bytes. Required for `readPath`. */
  readonly maxMessageBytes?: number;
}

/** An open WebSocket, and what Node adds to it. */
export interface SocketParts {
  readonly socket: unknown;
  /** The net or TLS socket under it, where it is known. */
  readonly raw: unknown;
  /** Set on the side that dialed. */
  readonly mask?: MaskFrame;
  readonly regionWriter?: SocketRegionWriter | undefined;
  readonly readPath?: ReadPath | undefined;
  readonly maxMessageBytes?: number | undefined;
}

/** Creates a {@link Socket} from an open WebSocket of `ws` or of the platform. */
export function socketOf(parts: SocketParts): Socket {
  return isNodeWebSocket(parts.socket)
    ? new WsSocket(parts.socket, parts)
    : new BrowserSocket(parts.socket as PlatformWebSocket, parts.maxMessageBytes);
}

/** Creates a {@link Socket} from an accepted WebSocket of `ws`; `raw` is the net or TLS socket under it. */
export function adoptWebSocket(socket: unknown, raw?: unknown, acceptance: Acceptance = {}): Socket {
  return socketOf({ socket, raw, ...acceptance });
}

/** A socket over a WebSocket of `ws`. Messages bypass its sender, and its receiver where there is a read path. */
class WsSocket extends PlatformSocket {
  readonly regionWriter?: SocketRegionWriter;
  readonly #socket: NodeWebSocket & PlatformWebSocket;
  readonly #raw: RawEmitter | undefined;
  readonly #writer: FrameWriter | undefined;
  readonly #reader: ReturnType<ReadPath>;
  // Text messages that have come.
  #texts = 0;

  constructor(socket: NodeWebSocket, { raw, mask, regionWriter, readPath, maxMessageBytes = Infinity }: SocketParts) {
    super(socket as NodeWebSocket & PlatformWebSocket, maxMessageBytes);
    this.#socket = socket as NodeWebSocket & PlatformWebSocket;
    if (regionWriter !== undefined) this.regionWriter = regionWriter;
    const message = (data: Uint8Array): void => {
      this.receive(data);
    };
    socket.on('message', (data, isBinary) => {
      // A plain view of the Buffer: users get a Uint8Array, with the slice() of one.
      if (isBinary) message(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      else this.#countText();
    });
    if (raw === undefined) return;
    const emitter = raw as RawEmitter;
    this.#raw = emitter;
    this.#writer = new FrameWriter(emitter, mask, this.slabs);
    emitter.on('drain', () => {
      this.slabs.release();
      this.emitDrained();
    });
    const tooLarge = (): void => {
      this.expectTooLarge();
    };
    this.#reader = readPath?.(raw, { masked: mask === undefined, maxMessageBytes, message, tooLarge });
  }

  get readPath(): 'buffer' | 'ws' {
    return this.#reader === undefined ? 'ws' : 'buffer';
  }

  get readBytes(): number | undefined {
    return this.#raw?.bytesRead;
  }

  override limitMessages(maxMessageBytes: number, limit?: string): void {
    super.limitMessages(maxMessageBytes, limit);
    this.#reader?.limit(maxMessageBytes);
    const receiver = this.#socket._receiver;
    if (receiver === undefined) return;
    receiver._maxPayload = Math.min(maxMessageBytes, 0x7fff_ffff);
    // Each fragment takes some 100 bytes beside its own: a message in fragments of one byte would take a hundred times
    // its size.
    receiver._maxFragments = Math.ceil(receiver._maxPayload / meanFragmentBytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  protected write(message: WireMessage): void {
    if (this.#writer !== undefined) {
      this.#writer.write(message);
    } else if (message instanceof Uint8Array) {
      this.#socket.send(message, whole, this.#written);
    } else {
      const last = message.length - 1;
      for (let index = 0; index < last; index++) this.#socket.send(message[index]!, part, ignore);
      this.#socket.send(message[last]!, whole, this.#written);
    }
  }

  protected destroy(): void {
    this.#socket.terminate();
  }

  protected override closePolitely(close: () => void): void {
    // A socket that is paused would not read the close frame of the other side, and would stay open until closeTimeout.
    this.#socket.resume();
    if (this.regionWriter === undefined) close();
    else this.regionWriter.whenWhole(close);
  }

  protected override end(error: Error | undefined): void {
    this.#reader?.stop();
    super.end(error);
  }

  // Text means nothing here, and is not read in slices as messages are.
  #countText(): void {
    if (++this.#texts <= maxTextMessages) return;
    this.end(new ProtocolError(`The other side sent more than ${String(maxTextMessages)} text messages.`));
    this.destroy();
  }

  readonly #written = (error?: Error | null): void => {
    if (error !== undefined && error !== null) this.end(error);
    else if (this.bufferedBytes <= drainedBytes) this.emitDrained();
  };
}

const whole = { binary: true, fin: true };
const part = { binary: true, fin: false };

function ignore(): void {
  // The callback of the last fragment reports the result.
}
