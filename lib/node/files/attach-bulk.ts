import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { BulkOf } from '../../connection/ws-socket.js';
import type { SocketBulk } from '../../connection/socket.js';
import { NodeBulkWriter } from './bulk-writer.js';
import type { Masking } from './mask.js';

/** The bulk writer of a WebSocket that was accepted. `socket`: of the server's `upgrade` event. */
export function acceptorBulk(webSocket: WebSocket, socket: Duplex): SocketBulk {
  return bulkFor(webSocket, socket, 'none');
}

/** Finds the stream beneath a WebSocket that is being dialed, for its bulk writer. */
export function dialerBulk(masking: Masking): BulkOf {
  return (socket) => {
    const webSocket = socket as WebSocket;
    let stream: Duplex | undefined;
    webSocket.once('upgrade', (response: IncomingMessage) => {
      stream = response.socket;
    });
    return () => (stream === undefined ? undefined : bulkFor(webSocket, stream, masking));
  };
}

function bulkFor(webSocket: WebSocket, socket: Duplex, masking: Masking): SocketBulk {
  return new NodeBulkWriter(socket, masking, () => webSocket.readyState === WebSocket.OPEN);
}
