/**
 * Joins the WebSocket of a page with one to a host, and adds the token, which the page does not know, to the handshake.
 *
 *     waiting ──Connect──▶ dialing ──open──▶ open: messages pass both ways ──an end closes──▶ closed, with the same code
 *        └─ silence, garbage ─▶ closed └─ no host, no token ─▶ rejected: the reason goes to the page, as if the host sent it
 *
 * An end for which `maxTunnelBytes` wait stops the reading of the other one. If it takes nothing for
 * `tunnelStallTimeout`, both are destroyed: a socket that is not read does not notice that its other side has gone.
 *
 * The page does not learn when its token expires, because it has none to renew: the host closes its connection then,
 * and the page connects again, which asks for a token of that time.
 */

import { randomBytes } from 'node:crypto';
import { WebSocket, type RawData } from 'ws';
import {
  connectMessage,
  connectResponseMessage,
  readConnect,
  rejectionExtensions,
} from '../../connection/handshake.js';
import { errorText } from '../../errors.js';
import { defaultLimits } from '../../limits.js';
import { printable, printableUrl } from '../../printable.js';
import type { RejectionCode } from '../../rejection.js';
import { systemRuntime } from '../../runtime.js';
import { closeReason, normalClosure } from '../../transport/close-codes.js';
import { closeTimeout } from '../../transport/ws-dial.js';
import { processIdLength, type ConnectRequest } from '../../wire/payloads/connect.js';
import { maxTunnelBytes, tunnelStallTimeout } from '../../bounds.js';

/** Where a tunnel leads. */
export interface TunnelOptions {
  /** URL of the WebSocket of the host. */
  readonly url: string;
  /** Returns the token; called for each connection. An error that it throws is shown by the page. */
  readonly token: () => string | Promise<string>;
  /** Certificates to trust, in PEM, in place of the well-known ones. */
  readonly ca?: Uint8Array | undefined;
  /** Time for the WebSocket to open, in ms. */
  readonly dialTimeout: number;
}

const protocolError = 1002;
const goingAway = 1001;

/** Joins the WebSocket of a page with one to a host, and adds the token to the handshake. */
export class Tunnel {
  readonly #page: WebSocket;
  readonly #options: TunnelOptions;
  #state: 'waiting' | 'dialing' | 'open' | 'closed' = 'waiting';
  #host: WebSocket | undefined = undefined;
  readonly #cancelHandshakeTimer: () => void;

  constructor(page: WebSocket, options: TunnelOptions) {
    this.#page = page;
    this.#options = options;
    page.on('error', ignore);
    page.on('close', (code, reason) => {
      this.#end(this.#host, code, reason.toString());
    });
    page.on('message', (data) => {
      this.#onPageMessage(data as Buffer);
    });
    this.#cancelHandshakeTimer = systemRuntime.schedule(() => {
      if (this.#state === 'waiting') this.#end(page, protocolError, 'No connect came in time.');
    }, defaultLimits.handshakeTimeout);
  }

  /** Closes both ends politely. */
  close(): void {
    this.#end(this.#host, goingAway);
    closeWith(this.#page, goingAway, 'rxgrid dashboard has ended.');
  }

  /** Destroys both ends. */
  destroy(): void {
    this.#page.terminate();
    this.#host?.terminate();
  }

  #onPageMessage(message: Buffer): void {
    // Once it is open, the message is passed on.
    if (this.#state === 'dialing') {
      this.#end(this.#page, protocolError, 'A message came before the connect was answered.');
      this.#host?.terminate();
    }
    if (this.#state !== 'waiting') return;
    this.#cancelHandshakeTimer();
    try {
      const { maxHandshakeBytes } = defaultLimits;
      if (message.length > maxHandshakeBytes) throw new Error(`The connect is larger than ${maxHandshakeBytes} bytes.`);
      const request = readConnect(message, undefined);
      if (request.leaf !== true) throw new Error('The connect is not that of a leaf.');
      this.#dial(request);
    } catch (error) {
      this.#end(this.#page, protocolError, errorText(error));
    }
  }

  #dial(request: ConnectRequest): void {
    const { url, ca, dialTimeout } = this.#options;
    this.#state = 'dialing';
    const host = new WebSocket(url, {
      handshakeTimeout: dialTimeout,
      maxPayload: defaultLimits.maxMessageBytes,
      perMessageDeflate: false,
      ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
    });
    this.#host = host;
    let lastError: Error | undefined;
    host.on('error', (error) => (lastError = error));
    host.on('open', () => {
      void this.#onOpen(host, request);
    });
    host.on('close', (code, reason) => {
      if (this.#state === 'dialing') {
        const why = lastError === undefined ? `it closed with code ${code}` : errorText(lastError);
        this.#reject(request, `rxgrid dashboard cannot reach ${printableUrl(url)}: ${why}`, 'rejected');
      } else this.#end(this.#page, code, reason.toString());
    });
  }

  async #onOpen(host: WebSocket, { ext, ...request }: ConnectRequest): Promise<void> {
    if (this.#state !== 'dialing') return;
    try {
      // `tok` asks the host to say when a token expires.
      const { tok: _, ...extensions } = ext ?? {};
      const token = await this.#options.token();
      if (this.#isClosed()) return;
      const hello = { ...request, token, ...(ext === undefined ? {} : { ext: extensions }) };
      host.send(connectMessage(hello));
    } catch (error) {
      if (this.#isClosed()) return;
      this.#reject({ ...request, ...(ext === undefined ? {} : { ext }) }, errorText(error), 'unauthenticated');
      closeWith(host, normalClosure, '');
      return;
    }
    this.#state = 'open';
    pass(this.#page, host);
    pass(host, this.#page);
  }

  // A method, because the compiler assumes that nothing changes the state meanwhile.
  #isClosed(): boolean {
    return this.#state !== 'dialing';
  }

  #reject({ ext }: ConnectRequest, reason: string, code: RejectionCode): void {
    const announced = ext === undefined ? undefined : rejectionExtensions(code);
    this.#page.send(
      connectResponseMessage({
        id: randomBytes(processIdLength),
        accepted: false,
        rejectedReason: printable(reason),
        ...(announced === undefined ? {} : { ext: announced }),
      }),
    );
    this.#end(this.#page, normalClosure);
  }

  /** The tunnel ends: its `other` end gets the code of the one that closed. */
  #end(other: WebSocket | undefined, code: number, reason = ''): void {
    this.#state = 'closed';
    this.#cancelHandshakeTimer();
    if (other !== undefined) closeWith(other, code, reason);
  }
}

/** Passes the messages of one end on to the other, and reads no faster than that one takes them. */
function pass(from: WebSocket, to: WebSocket): void {
  let cancelStallTimer: (() => void) | undefined;
  const goOn = (): void => {
    cancelStallTimer?.();
    cancelStallTimer = undefined;
    from.resume();
  };
  const onSent = (): void => {
    if (cancelStallTimer === undefined) return;
    if (to.bufferedAmount <= maxTunnelBytes / 2) goOn();
    else startStallTimer();
  };
  const startStallTimer = (): void => {
    cancelStallTimer?.();
    cancelStallTimer = systemRuntime.schedule(() => {
      to.terminate();
      from.terminate();
    }, tunnelStallTimeout);
  };
  from.on('message', (data: RawData, binary) => {
    if (to.readyState !== WebSocket.OPEN) return;
    to.send(data, { binary }, onSent);
    if (to.bufferedAmount <= maxTunnelBytes || cancelStallTimer !== undefined) return;
    from.pause();
    startStallTimer();
  });
  // The answer to a close frame has to be read.
  to.on('close', goOn);
  from.on('close', goOn);
}

/** Closes a WebSocket with the code that another one closed with, as far as a close frame can have it. */
function closeWith(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  socket.resume();
  if (socket.readyState === WebSocket.CONNECTING || code === 1006) {
    socket.terminate();
    return;
  }
  const hasCode = (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005) || (code >= 3000 && code <= 4999);
  if (hasCode) socket.close(code, closeReason(reason));
  else socket.close();
  const cancel = systemRuntime.schedule(() => {
    socket.terminate();
  }, closeTimeout);
  socket.on('close', cancel);
}

// A `close` event with the code follows.
function ignore(): void {}
