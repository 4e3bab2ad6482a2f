import { expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { SilentSockets } from '../../../lib/node/server/silent-sockets.js';

it('watches a connection once, however often it is handed back to the server', () => {
  const server = createServer();
  new SilentSockets(4).watch(server);
  const socket = new Socket();
  server.emit('connection', socket);
  // Node's own server listens, too, each time.
  server.removeAllListeners('connection');
  new SilentSockets(4).watch(server);
  const counts = [1, 2, 3].map(() => {
    server.emit('connection', socket);
    return socket.listenerCount('close');
  });
  expect(new Set(counts).size).toBe(1);
  socket.destroy();
});
