// The floor: `ws` without multiplexing. Answers come in the order of the questions; each stream has a socket of its
// own.
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

export const caps = {
  backpressure: 'the sender waits until the kernel has taken what it wrote',
  cancel: 'closes the socket',
};

const options = { perMessageDeflate: false, skipUTF8Validation: true };
/** Items that are written before the sender waits for the last of them. */
const burst = 1024;
/** Calls that may be in flight: the bench has 1 024 at the most. */
const ringSize = 2048;

/** Sends `count` items, and goes on as the kernel takes them. */
function sendItems(socket, count, size, stats) {
  const item = Buffer.alloc(size, 120);
  let left = count;
  let open = true;
  stats.active++;
  const sendBurst = () => {
    for (let index = Math.min(burst, left); open && index > 0; index--) {
      left--;
      stats.produced++;
      if (left === 0) {
        open = false;
        stats.active--;
        socket.send(item);
        socket.close();
      } else {
        socket.send(item, index === 1 ? () => setImmediate(sendBurst) : undefined);
      }
    }
  };
  socket.on('close', () => {
    if (!open) return;
    open = false;
    stats.active--;
    stats.cancelled++;
  });
  sendBurst();
}

export async function startServer({ port, host, stats }) {
  const server = new WebSocketServer({ ...options, port, host });
  server.on('connection', (socket, request) => {
    socket.on('error', () => {});
    const { pathname, searchParams } = new URL(request.url, 'ws://localhost');
    if (pathname === '/items') {
      sendItems(socket, Number(searchParams.get('count')), Number(searchParams.get('size')), stats);
    } else {
      socket.on('message', (message) => socket.send(message));
    }
  });
  await once(server, 'listening');
  return { port, close: () => server.close() };
}

export async function connect({ port, host }) {
  const base = `ws://${host}:${port}`;
  const open = async (path) => {
    const socket = new WebSocket(base + path, options);
    await once(socket, 'open');
    return socket;
  };
  const socket = await open('/');
  // A ring of those who wait for an answer.
  const waiting = new Array(ringSize);
  let first = 0;
  let next = 0;
  socket.on('message', (message) => {
    const resolve = waiting[first];
    waiting[first] = undefined;
    first = (first + 1) % ringSize;
    resolve(message);
  });
  return {
    unary: (payload) =>
      new Promise((resolve) => {
        waiting[next] = resolve;
        next = (next + 1) % ringSize;
        socket.send(payload);
      }),
    stream(count, size, onItem) {
      const items = new WebSocket(`${base}/items?count=${count}&size=${size}`, options);
      items.on('message', onItem);
      return { done: once(items, 'close'), cancel: () => items.terminate() };
    },
    async duplex(onItem) {
      const items = await open('/');
      items.on('message', onItem);
      return { send: (item) => items.send(item), end: () => items.close() };
    },
    close: () => socket.close(),
  };
}
