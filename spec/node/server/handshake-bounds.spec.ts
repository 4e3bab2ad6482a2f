import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { filter, firstValueFrom } from 'rxjs';
import { WebSocketServer } from 'ws';
import { raw, unary } from '../../../lib/index.js';
import { defaultPath } from '../../../lib/endpoint/host-name.js';
import { connect } from '../../../lib/node/server/leaf.js';
import { freePort, quick, RealGrid } from '../../support/real-grid.js';
import { closePayload, wsFrame } from '../../support/protocol/ws-frames.js';

/*
 * What another side may make this one hold before it has shown who it is: `maxHandshakeBytes`, by both ways of reading
 * (a plain socket is read from one buffer, a TLS socket by `ws`), for the side that is dialed and the side that dials.
 */

const read = (name: string): string => readFileSync(`spec/support/tls/${name}.pem`, 'utf8');
const tls = { key: read('key'), cert: read('cert'), ca: read('cert') };
const maxHandshakeBytes = 8 << 10;
const limits = { ...quick, maxHandshakeBytes };
const key = [9, 8, 7, 6];

const grid = new RealGrid();
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await grid.close();
});

/** A WebSocket to a host, as bytes; `answers` are those behind the upgrade, when the host has closed it. */
async function dialBytes(host: string): Promise<{ socket: Socket; answers: Promise<Buffer> }> {
  const { protocol, port, hostname } = new URL(host);
  const to = { port: Number(port), host: hostname };
  const socket = protocol === 'https:' ? connectTls({ ...to, ca: tls.ca }) : connectTcp(to);
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, protocol === 'https:' ? 'secureConnect' : 'connect');
  socket.write(
    `GET ${defaultPath} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const chunks = [(await once(socket, 'data'))[0] as Buffer];
  socket.on('data', (bytes) => chunks.push(bytes));
  const answers = once(socket, 'close').then(() => {
    const all = Buffer.concat(chunks);
    return all.subarray(all.indexOf('\r\n\r\n') + 4);
  });
  return { socket, answers };
}

describe.each(['http', 'https'])('maxHandshakeBytes with %s', (scheme) => {
  const host = async (): Promise<string> => `${scheme}://127.0.0.1:${await freePort()}`;

  it('bounds what a dialer may announce before its connect: it is closed at the header, with an event', async () => {
    const local = await host();
    const manager = grid.manager(local, [], { limits, tls, leaves: { authenticate: (token) => token } });
    await manager.listen();
    const event = firstValueFrom(manager.events$.pipe(filter(({ type }) => type === 'limit')));
    const { socket, answers } = await dialBytes(local);
    // No byte of the message follows.
    socket.write(wsFrame({ first: 0x82, payload: new Uint8Array(0), claimed: maxHandshakeBytes + 1, key }));
    expect([...(await answers)]).toStrictEqual([...wsFrame({ first: 0x88, payload: closePayload(1009) })]);
    expect(await event).toStrictEqual({
      type: 'limit',
      host: 'an unknown host',
      limit: 'maxHandshakeBytes',
      message: expect.stringContaining(`more than ${maxHandshakeBytes} bytes: raise maxHandshakeBytes here`),
    });
  });

  it('does not bound messages after the handshake', async () => {
    const local = await host();
    const manager = grid.manager(local, [], { limits, tls, leaves: { authenticate: (token) => token } });
    const echo = unary({ id: 9, name: 'echo', request: raw, response: raw });
    manager.handle(echo, (request) => request);
    await manager.listen();
    const leaf = connect(local, { token: 'leaf', tls, limits });
    grid.closeLater(() => {
      leaf.close();
    });
    const sent = new Uint8Array(maxHandshakeBytes * 4).fill(7);
    expect(await firstValueFrom(leaf.request(echo, sent))).toStrictEqual(sent);
    const { readPath } = await firstValueFrom(leaf.state$);
    expect(readPath).toBe(scheme === 'http' ? 'buffer' : 'ws');
  });

  it('bounds the answer to a dialer: the state of the connection names it', async () => {
    const server = scheme === 'http' ? createServer() : createTlsServer(tls);
    const webSockets = new WebSocketServer({ server });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    grid.closeLater(() => {
      for (const client of webSockets.clients) client.terminate();
      server.closeAllConnections();
      server.close();
    });
    webSockets.on('connection', (far) => {
      far.on('error', () => undefined);
      far.once('message', () => {
        far.send(Buffer.alloc(maxHandshakeBytes + 1));
      });
    });
    const leaf = connect(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      token: 'leaf',
      tls,
      limits,
    });
    grid.closeLater(() => {
      leaf.close();
    });
    const { error } = await firstValueFrom(leaf.state$.pipe(filter(({ status }) => status === 'back-off')));
    expect(error?.message).toContain(`more than ${maxHandshakeBytes} bytes: raise maxHandshakeBytes here`);
  });
});
