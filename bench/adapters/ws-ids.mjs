// `ws` with an id before each payload, which finds the call that an answer belongs to: the least that multiplexing
// takes.
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

export const caps = { unaryOnly: true };

const options = { perMessageDeflate: false, skipUTF8Validation: true };
const idBytes = 4;

export async function startServer({ port, host }) {
  const server = new WebSocketServer({ ...options, port, host });
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    // The id is at the head of the answer as it was at that of the question.
    socket.on('message', (message) => socket.send(message));
  });
  await once(server, 'listening');
  return { port, close: () => server.close() };
}

export async function connect({ port, host }) {
  const socket = new WebSocket(`ws://${host}:${port}/`, options);
  await once(socket, 'open');
  const waiting = new Map();
  let nextId = 0;
  socket.on('message', (message) => {
    const id = message.readUInt32LE(0);
    const resolve = waiting.get(id);
    waiting.delete(id);
    resolve(message.subarray(idBytes));
  });
  return {
    unary: (payload) =>
      new Promise((resolve) => {
        const id = nextId++;
        waiting.set(id, resolve);
        const message = Buffer.allocUnsafe(idBytes + payload.length);
        message.writeUInt32LE(id, 0);
        message.set(payload, idBytes);
        socket.send(message);
      }),
    close: () => socket.close(),
  };
}
