import WebSocket from 'isomorphic-ws';
import { Observable, Subject, type Observer } from 'rxjs';
import { LimitError, RejectedError } from '../errors.js';
import { printable, printableUrl } from '../printable.js';
import { systemRuntime } from '../runtime.js';
import type { WireMessage } from '../wire/batch.js';
import { FrameWriter, type MaskFrame, type RawSocket } from './frame-writer.js';
import type { Dial, DialOptions, Socket, SocketRegionWriter } from './socket.js';

/*
 * The one file that knows isomorphic-ws: `ws` in Node, the platform's WebSocket in a browser.
 */

/** Below this many buffered bytes `drained` is told. */
const drainedBytes = 64 << 10;
/** A browser tells nothing when it has sent: its buffer is looked at again after this time, in ms. */
const pollInterval = 4;
/** A socket that the other side does not close in turn is destroyed after this time, in ms: it would hold the process. */
export const closeTimeout = 2_000;
/** Close code of a socket that closed as it should. */
const normalClosure = 1000;

/** The part of `ws` beyond the WebSocket of the platform. */
interface NodeWebSocket {
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
  /** Reads the frames; not in its types. Other implementations of the same interface have none. */
  readonly _receiver?: { _maxPayload: number };
}

/** The socket under a WebSocket of `ws`. */
interface RawEmitter extends RawSocket {
  on(event: 'drain', listener: () => void): void;
}

/** Opens a WebSocket with isomorphic-ws. Compression is never negotiated. */
export const dialWebSocket: Dial = createDial({});

/** What a {@link ReadPath} needs. */
export interface ReadPathOptions {
  /** True on the side that accepted. */
  readonly masked: boolean;
  readonly maxMessageBytes: number;
  /** Takes one binary message. */
  readonly message: (message: Uint8Array) => void;
  /** A message exceeds `maxMessageBytes`; `ws` closes the connection. */
  readonly tooLarge: () => void;
}

/** Reads the messages of the socket `raw` under a WebSocket of `ws`. Undefined: it cannot, and `ws` reads as ever. */
export type ReadPath = (
  raw: unknown,
  options: ReadPathOptions,
) => { stop(): void; limit(maxMessageBytes: number): void } | undefined;

/** What Node adds to an accepted WebSocket of `ws`. */
export interface Acceptance {
  readonly regionWriter?: SocketRegionWriter;
  readonly readPath?: ReadPath;
  /** A larger message closes the connection. Bytes. Needed for `readPath`. */
  readonly maxMessageBytes?: number;
}

/** Gives the region writer of a WebSocket that is about to open. */
export type RegionWriterOf = (socket: unknown) => () => SocketRegionWriter | undefined;

/**
 * Makes a {@link Dial} that gives `ws` further options, such as the certificates to trust. A browser has none. `regionWriterOf`
 * gets the WebSocket before it opens, and what it returns is called when it has. `readPath` reads the messages in place of `ws`.
 */
export function createDial(extra: object, regionWriterOf?: RegionWriterOf, readPath?: ReadPath): Dial {
  return (url, dialOptions) => openWebSocket(url, dialOptions, extra, regionWriterOf, readPath);
}

function openWebSocket(
  url: string,
  { headers, maxMessageBytes }: DialOptions,
  extra: object,
  regionWriterOf: RegionWriterOf | undefined,
  readPath: ReadPath | undefined,
): Observable<Socket> {
  return new Observable<Socket>((subscriber) => {
    const options = {
      ...extra,
      headers,
      maxPayload: maxMessageBytes,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      closeTimeout,
    };
    // A browser's constructor ignores the third argument.
    const socket = new WebSocket(url, [], options);
    const regionWriter = regionWriterOf?.(socket);
    let handedOver = false;
    let raw: RawEmitter | undefined;
    const node: unknown = socket;
    if (isNode(node)) {
      node.on('upgrade', (response) => {
        raw = response.socket;
      });
    }
    if (isNode(node)) {
      node.on('unexpected-response', (_, response) => {
        subscriber.error(refusedUpgrade(printableUrl(url), response.statusCode, response.statusMessage));
      });
    }
    socket.onopen = () => {
      handedOver = true;
      subscriber.next(
        new WsSocket({ socket, raw, mask: maskFrame, regionWriter: regionWriter?.(), readPath, maxMessageBytes }),
      );
      subscriber.complete();
    };
    socket.onerror = (event) => {
      subscriber.error(new Error(`Dialing ${printableUrl(url)} failed: ${messageOf(event)}`));
    };
    socket.onclose = (event) => {
      subscriber.error(
        new Error(`${printableUrl(url)} closed the connection while it was dialed (code ${String(event.code)}).`),
      );
    };
    return () => {
      if (handedOver) return;
      // Closing one that connects makes it report an error; it is taken and dropped.
      socket.onclose = null;
      destroy(socket);
    };
  });
}

/** Makes a {@link Socket} of an open WebSocket of `ws` or of the platform; `raw`: the net or TLS socket under an accepted one. */
export function adoptWebSocket(socket: unknown, raw?: unknown, acceptance: Acceptance = {}): Socket {
  return new WsSocket({ socket: socket as WebSocket, raw: raw as RawEmitter | undefined, ...acceptance });
}

interface Parts extends Omit<Acceptance, 'regionWriter' | 'readPath'> {
  readonly socket: WebSocket;
  readonly raw: RawEmitter | undefined;
  /** On the side that dialed. */
  readonly mask?: MaskFrame;
  readonly regionWriter?: SocketRegionWriter | undefined;
  readonly readPath?: ReadPath | undefined;
}

class WsSocket implements Socket {
  readonly inbound: Observable<Uint8Array>;
  readonly outbound: Observer<WireMessage>;
  readonly drained: Observable<void>;

  readonly #inbound = new Subject<Uint8Array>();
  readonly #drained = new Subject<void>();
  readonly #socket: WebSocket;
  readonly #node: NodeWebSocket | undefined;
  readonly #writer: FrameWriter | undefined;
  #reader: ReturnType<ReadPath> = undefined;
  #maxMessageBytes: number;
  // The option that holds it.
  #limit = 'maxMessageBytes';
  // Why `ws` is about to fail.
  #reason: Error | undefined = undefined;
  #closed = false;
  #polling = false;

  readonly regionWriter?: SocketRegionWriter;

  constructor(parts: Parts) {
    const { socket, raw, mask, regionWriter } = parts;
    this.#socket = socket;
    this.#maxMessageBytes = parts.maxMessageBytes ?? Infinity;
    if (regionWriter !== undefined) this.regionWriter = regionWriter;
    if (raw !== undefined) {
      this.#writer = new FrameWriter(raw, mask);
      raw.on('drain', () => {
        if (!this.#closed) this.#drained.next();
      });
    }
    this.inbound = this.#inbound.asObservable();
    this.drained = this.#drained.asObservable();
    const node: unknown = socket;
    this.#node = isNode(node) ? node : undefined;
    this.outbound = {
      next: (message) => {
        this.#send(message);
      },
      error: () => {
        destroy(socket);
      },
      complete: () => {
        const close = (): void => {
          socket.close(normalClosure);
        };
        if (regionWriter === undefined) close();
        else regionWriter.whenWhole(close);
      },
    };
    if (this.#node === undefined) this.#listenInBrowser();
    else this.#listenInNode(this.#node, parts);
    socket.onerror = (event) => {
      this.#end(this.#reason ?? (isTooLarge(event) ? this.#tooLarge() : new Error(messageOf(event))));
    };
    socket.onclose = (event) => {
      this.#end(event.code === normalClosure ? undefined : closeError(event.code));
    };
  }

  limitMessages(maxMessageBytes: number, limit = 'maxMessageBytes'): void {
    this.#maxMessageBytes = maxMessageBytes;
    this.#limit = limit;
    this.#reader?.limit(maxMessageBytes);
    const receiver = this.#node?._receiver;
    if (receiver !== undefined) receiver._maxPayload = Math.min(maxMessageBytes, 0x7fff_ffff);
  }

  pause(): void {
    this.#node?.pause();
  }

  resume(): void {
    this.#node?.resume();
  }

  get readPath(): 'buffer' | 'ws' {
    return this.#reader === undefined ? 'ws' : 'buffer';
  }

  get heldBytes(): number {
    return this.#writer === undefined ? this.#socket.bufferedAmount : this.#writer.heldBytes;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  #listenInNode(socket: NodeWebSocket, { raw, mask, readPath, maxMessageBytes = Infinity }: Parts): void {
    const message = (data: Uint8Array): void => {
      if (!this.#closed) this.#inbound.next(data);
    };
    socket.on('message', (data, isBinary) => {
      // A plain view of the Buffer: what users get is a Uint8Array, with the slice() of one.
      if (isBinary) message(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    });
    if (raw === undefined) return;
    const tooLarge = (): void => {
      this.#reason = this.#tooLarge();
    };
    this.#reader = readPath?.(raw, { masked: mask === undefined, maxMessageBytes, message, tooLarge });
  }

  #listenInBrowser(): void {
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onmessage = ({ data }) => {
      if (!(data instanceof ArrayBuffer) || this.#closed) return;
      if (data.byteLength <= this.#maxMessageBytes) {
        this.#inbound.next(new Uint8Array(data));
        return;
      }
      // The platform knows no bound: what came is dropped, and nothing more is taken.
      this.#end(this.#tooLarge());
      this.#socket.close();
    };
  }

  #tooLarge(): LimitError {
    return new LimitError(
      `The other side sent a message of more than ${String(this.#maxMessageBytes)} bytes: raise ${this.#limit} here, or send less at once there.`,
      this.#limit,
    );
  }

  #send(message: WireMessage): void {
    if (this.#closed || this.#socket.readyState !== openState) return;
    const node = this.#node;
    if (this.#writer !== undefined) {
      this.#writer.write(message);
    } else if (node === undefined) {
      this.#sendInBrowser(message);
    } else if (message instanceof Uint8Array) {
      node.send(message, whole, this.#written);
    } else {
      const last = message.length - 1;
      for (let index = 0; index < last; index++) node.send(message[index]!, part, ignore);
      node.send(message[last]!, whole, this.#written);
    }
  }

  #sendInBrowser(message: WireMessage): void {
    // A browser has no fragments: a Blob joins them without a copy in the page.
    const data = message instanceof Uint8Array ? message : new Blob([...message] as Uint8Array<ArrayBuffer>[]);
    this.#socket.send(data as Uint8Array<ArrayBuffer>);
    if (this.#socket.bufferedAmount > drainedBytes) this.#poll();
  }

  #poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    // The platform's own timers, whatever runtime the connection has: so the buffer of a real socket empties.
    systemRuntime.schedule(() => {
      this.#polling = false;
      if (this.#closed) return;
      if (this.#socket.bufferedAmount > drainedBytes) this.#poll();
      else this.#drained.next();
    }, pollInterval);
  }

  readonly #written = (error?: Error | null): void => {
    if (error !== undefined && error !== null) this.#end(error);
    else if (!this.#closed && this.#socket.bufferedAmount <= drainedBytes) this.#drained.next();
  };

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader?.stop();
    if (error === undefined) this.#inbound.complete();
    else this.#inbound.error(error);
  }
}

// Exported by ws, and not in its types; a browser's WebSocket has none.
const maskFrame: MaskFrame = (data, options) =>
  (WebSocket as unknown as { Sender: { frame: MaskFrame } }).Sender.frame(data, options);

const openState = 1;
const whole = { binary: true, fin: true };
const part = { binary: true, fin: false };

function ignore(): void {
  // The last fragment's callback tells.
}

function isNode(socket: unknown): socket is NodeWebSocket {
  return typeof (socket as Partial<NodeWebSocket>).on === 'function';
}

function destroy(socket: WebSocket): void {
  const node: unknown = socket;
  if (isNode(node)) node.terminate();
  else socket.close();
}

/** Close code of a socket whose message was too large for the other side. */
const tooLargeClosure = 1009;

function closeError(code: number): Error {
  return code === tooLargeClosure
    ? new LimitError(
        'The other side closed the connection: a message was larger than its maxMessageBytes (code 1009). Raise it there, or send less at once here.',
        'maxMessageBytes',
      )
    : new Error(`The socket closed with code ${String(code)}.`);
}

function isTooLarge(event: unknown): boolean {
  const { error } = event as { error?: { code?: unknown } };
  return error?.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
}

// An answer of HTTP where an upgrade was asked for.
function refusedUpgrade(url: string, status: number, statusText: string): Error {
  const answer = printable(`HTTP ${String(status)} ${statusText}`.trim());
  if (status === 401 || status === 403) {
    return new RejectedError(
      `${url} rejected the upgrade with ${answer}: is the token right, and may it be dialed from here?`,
      answer,
    );
  }
  const hint = status === 404 ? ': is the grid served at another path?' : '.';
  return new Error(`Dialing ${url} failed: it answered ${answer}${hint}`);
}

function messageOf(event: unknown): string {
  const { message } = event as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message : 'the platform gives no reason';
}
