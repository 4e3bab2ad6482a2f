import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RegionWriterOf } from '../../../transport/ws-dial.js';
import type { SocketRegionWriter } from '../../../transport/socket.js';
import type { KernelSender } from '../../kernel/kernel-sender.js';
import { NodeRegionWriter } from './region-writer.js';
import type { Masking } from './mask.js';

/** Loads the binding with which the kernel sends files; a string: why there is none. */
export type KernelOf = () => Promise<KernelSender | string>;

/** The used part of a WebSocket of ws. Its own type would make the declarations depend on `@types/ws`. */
interface OpenWebSocket {
  readonly readyState: number;
  readonly extensions: string;
}

interface DialingWebSocket extends OpenWebSocket {
  once(event: 'upgrade', listener: (response: IncomingMessage) => void): unknown;
}

/** `readyState` of an open WebSocket. */
const openState = 1;

/** The region writer of an accepted WebSocket. `socket`: of the server's `upgrade` event. */
export function acceptorRegionWriter(webSocket: OpenWebSocket, socket: Duplex, kernel: KernelOf): SocketRegionWriter {
  return regionWriterFor(webSocket, socket, 'none', kernel);
}

/** The region writer of a WebSocket that is being dialed: finds the stream beneath it. */
export function dialerRegionWriter(masking: Masking, kernel: KernelOf): RegionWriterOf {
  return (socket) => {
    const webSocket = socket as DialingWebSocket;
    let stream: Duplex | undefined;
    webSocket.once('upgrade', (response: IncomingMessage) => {
      stream = response.socket;
    });
    return () => (stream === undefined ? undefined : regionWriterFor(webSocket, stream, masking, kernel));
  };
}

function regionWriterFor(
  webSocket: OpenWebSocket,
  socket: Duplex,
  masking: Masking,
  kernel: KernelOf,
): SocketRegionWriter {
  return new NodeRegionWriter({
    socket,
    masking,
    compressed: webSocket.extensions !== '',
    isOpen: () => webSocket.readyState === openState,
    kernel,
  });
}
