/*
 * Dials WebSockets. The only file that knows isomorphic-ws: `ws` in Node, the platform's WebSocket in a browser.
 */

import WebSocket from 'isomorphic-ws';
import { Observable } from 'rxjs';
import { RejectedError } from '../rejection.js';
import { printable, printableUrl } from '../printable.js';
import { messageOf } from './close-codes.js';
import type { MaskFrame } from './frame-writer.js';
import type { Dial, DialOptions, Socket, SocketRegionWriter } from './socket.js';
import { isNodeWebSocket, socketOf, type RawEmitter, type ReadPath } from './ws-socket.js';

/**
 * A socket that the other side does not close in turn is destroyed after this time, in ms: it would keep the process
 * alive.
 */
export const closeTimeout = 2_000;

/** Creates the region writer of a WebSocket that is about to open. */
export type RegionWriterOf = (socket: unknown) => () => SocketRegionWriter | undefined;

/** Opens a WebSocket with isomorphic-ws. Compression is never negotiated. */
export const dialWebSocket: Dial = createDial({});

/**
 * Creates a {@link Dial} that passes further options to `ws`, such as the certificates to trust. A browser has none.
 * `regionWriterOf` gets the WebSocket before it opens, and the function that it returns is called once it has opened.
 * `readPath` reads the messages in place of `ws`.
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
    // The constructor of a browser ignores the third argument.
    const socket = new WebSocket(url, [], options);
    const regionWriter = regionWriterOf?.(socket);
    let handedOver = false;
    let raw: RawEmitter | undefined;
    const node: unknown = socket;
    if (isNodeWebSocket(node)) {
      node.on('upgrade', (response) => {
        raw = response.socket;
      });
      node.on('unexpected-response', (_, response) => {
        subscriber.error(refusedUpgrade(printableUrl(url), response.statusCode, response.statusMessage));
      });
    }
    socket.onopen = () => {
      handedOver = true;
      subscriber.next(
        socketOf({ socket, raw, mask: maskFrame, regionWriter: regionWriter?.(), readPath, maxMessageBytes }),
      );
      subscriber.complete();
    };
    socket.onerror = (event) => {
      // Node's event has the error, whose code says what is wrong.
      const { error: cause } = event as { readonly error?: unknown };
      subscriber.error(new Error(`Dialing ${printableUrl(url)} failed: ${messageOf(event)}`, { cause }));
    };
    socket.onclose = (event) => {
      subscriber.error(
        new Error(`${printableUrl(url)} closed the connection while it was dialed (code ${String(event.code)}).`),
      );
    };
    return () => {
      if (handedOver) return;
      // A socket that is closed while it connects reports an error, which is ignored.
      socket.onclose = null;
      if (isNodeWebSocket(node)) node.terminate();
      else socket.close();
    };
  });
}

// Exported by ws, but missing in its types. The WebSocket of a browser has no Sender.
const maskFrame: MaskFrame = (data, options) =>
  (WebSocket as unknown as { Sender: { frame: MaskFrame } }).Sender.frame(data, options);

// The error for a response other than the requested upgrade.
function refusedUpgrade(url: string, status: number, statusText: string): Error {
  const answer = printable(`HTTP ${String(status)} ${statusText}`.trim());
  if (status === 401 || status === 403) {
    return new RejectedError(
      `${url} rejected the upgrade with ${answer}: is the token right, and may it be dialed from here?`,
      answer,
      status === 401 ? 'unauthenticated' : 'permission-denied',
    );
  }
  const hint = status === 404 ? ': is the grid served at another path?' : '.';
  return new Error(`Dialing ${url} failed: it answered ${answer}${hint}`);
}
