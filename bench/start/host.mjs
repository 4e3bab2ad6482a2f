// Answers fresh processes: a manager that takes leaves, and a bare ws server that echoes.
import { raw, staticToken, unary } from 'rxgrid';
import { serveMonitor } from 'rxgrid/monitor';
import { Manager } from 'rxgrid/node';
import { WebSocketServer } from 'ws';
import { freePort } from '../processes/worker.mjs';

export async function start() {
  const ports = { ws: await freePort(), rxgrid: await freePort() };
  const server = new WebSocketServer({ port: ports.ws, host: '127.0.0.1', perMessageDeflate: false });
  server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  const manager = new Manager({
    local: `http://127.0.0.1:${ports.rxgrid}`,
    hosts: [],
    auth: staticToken('start'),
    leaves: { authenticate: () => 'fresh' },
  });
  manager.handle(unary({ id: 1, name: 'echo', request: raw, response: raw }), (bytes) => bytes);
  // The command asks it what its routes are.
  serveMonitor(manager, { authorize: () => true });
  await manager.listen({ address: '127.0.0.1' });
  return ports;
}
