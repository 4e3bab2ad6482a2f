import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RegionWriterOf } from '../../../transport/ws-socket.js';
import type { SocketRegionWriter } from '../../../transport/socket.js';
import type { KernelSender } from '../../kernel/kernel-sender.js';
import { NodeRegionWriter } from './region-writer.js';
import type { Masking } from './mask.js';

/** How the kernel sends files, for the sockets of one side; a string is the reason why it does not. */
export type KernelOf = () => Promise<KernelSender | string>;

/** What is used of a WebSocket of ws. Not its own type, because a declaration that names it needs `@types/ws`. */
interface OpenWebSocket {
  readonly readyState: number;
  readonly extensions: string;
}

interface DialingWebSocket extends OpenWebSocket {
  once(event: 'upgrade', listener: (response: IncomingMessage) => void): unknown;
}

/** `readyState` of an open WebSocket, as the standard says. */
const openState = 1;

/** The region writer of a WebSocket that was accepted. `socket`: of the server's `upgrade` event. */
export function acceptorRegionWriter(webSocket: OpenWebSocket, socket: Duplex, kernel: KernelOf): SocketRegionWriter {
  return regionWriterFor(webSocket, socket, 'none', kernel);
}

/** Finds the stream beneath a WebSocket that is being dialed, for its region writer. */
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
