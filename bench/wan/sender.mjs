// The far end: sends without end, over plain sockets and through rxgrid.
import { duplex, raw, staticToken } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { createServer } from 'node:net';
import { freePort } from '../processes/worker.mjs';

/** The route of both ends. Its window is the default one. */
export const flood = duplex({ id: 1, name: 'flood', request: raw, output: raw });

export async function start() {
  const ports = { plain: await freePort(), rxgrid: await freePort() };
  createServer((socket) => {
    const bytes = new Uint8Array(64 << 10);
    const fill = () => {
      while (socket.write(bytes));
    };
    socket.on('drain', fill);
    socket.on('error', () => socket.destroy());
    fill();
  }).listen(ports.plain, '127.0.0.1');
  const manager = new Manager({
    local: `http://127.0.0.1:${ports.rxgrid}`,
    hosts: [],
    auth: staticToken('wan'),
    leaves: { authenticate: () => 'near' },
  });
  manager.handle(flood, function* (request) {
    const item = new Uint8Array(new DataView(request.buffer, request.byteOffset).getUint32(0));
    for (;;) yield item;
  });
  await manager.listen({ address: '127.0.0.1' });
  return ports;
}
